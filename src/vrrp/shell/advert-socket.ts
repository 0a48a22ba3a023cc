/** The raw VRRP socket of one interface for IPv4: every instance on it shares it, for multicast and for unicast. */
import { EPOLL } from "../../sys/abi.ts";
import { E } from "../../sys/errno.ts";
import type { Loop, Watch } from "../../sys/loop.ts";
import { pinned } from "../../sys/memory.ts";
import { openRawSocket } from "../../sys/raw-socket.ts";
import { close, recv, sendto } from "../../sys/socket.ts";
import { addressText } from "../../net/address.ts";
import { encodePacket, PACKET_BYTES_MAX, type Seal } from "../packet.ts";
import { AH_PROTOCOL } from "../../net/ah.ts";
import { type Advert, type Ends, VRRP_PROTOCOL } from "../wire.ts";
import {
  type AdvertPort,
  type AdvertPortReports,
  type PacketHandler,
  PACKETS_PER_DRAIN,
  RECEIVE_BUFFER_BYTES,
} from "./advert-port.ts";
import { DropCount } from "./drop-count.ts";
import { MismatchEar } from "./mismatch-ear.ts";

/** IP options that a received header may have besides (RFC 791 §3.1). */
const OPTION_BYTES_MAX = 40;
const RECEIVE_BYTES_MAX = PACKET_BYTES_MAX + OPTION_BYTES_MAX;

/** Shared by all sockets: one is read, or written, at a time. */
const incoming = pinned(RECEIVE_BYTES_MAX);
const outgoing = pinned(PACKET_BYTES_MAX);

export class AdvertSocket implements AdvertPort {
  readonly interfaceIndex: number;
  private readonly fd: number;
  private readonly watch: Watch;
  private readonly onPacket: PacketHandler;
  private readonly reports: AdvertPortReports | null;
  private readonly drops: DropCount;
  private readonly ear: MismatchEar | null;

  /** `protocol`: VRRP's, or that of the authentication header. @throws SysError without CAP_NET_RAW or the interface. */
  constructor(
    loop: Loop,
    protocol: number,
    interfaceName: string,
    interfaceIndex: number,
    groups: readonly Uint8Array[],
    onPacket: PacketHandler,
    reports: AdvertPortReports | null = null,
  ) {
    this.interfaceIndex = interfaceIndex;
    this.onPacket = onPacket;
    this.reports = reports;
    this.fd = openRawSocket({
      protocol,
      interfaceName,
      interfaceIndex,
      groups,
      receiveBufferBytes: RECEIVE_BUFFER_BYTES,
    });
    try {
      const other = protocol === AH_PROTOCOL ? VRRP_PROTOCOL : AH_PROTOCOL;
      const isDeaf = reports === null || groups.length === 0;
      this.ear = isDeaf
        ? null
        : new MismatchEar(loop, other, interfaceName, interfaceIndex, groups, reports.mismatched);
    } catch (error) {
      close(this.fd);
      throw error;
    }
    this.drops = new DropCount(this.fd);
    this.watch = loop.watch(this.fd, EPOLL.IN, () => this.drain());
  }

  drain(): void {
    for (let count = 0; count < PACKETS_PER_DRAIN; count++) {
      const length = recv(this.fd, incoming.address, RECEIVE_BYTES_MAX, 0);
      // Anything but a packet ends the round: EAGAIN as a rule, ENETDOWN when the interface went down.
      if (length < 0) break;
      this.onPacket(incoming.bytes, length);
    }
    const lost = this.drops.take();
    if (lost > 0) this.reports?.lost(lost);
  }

  send(advert: Advert, ends: Ends, seal: Seal | null): number {
    const length = encodePacket(outgoing.bytes, advert, ends, seal);
    const host = addressText(ends.destination);
    const target = { kind: "inet", family: 4, host, port: 0 } as const;
    const sent = sendto(this.fd, outgoing.address, length, 0, target);
    // An error that an earlier packet left behind (ICMP to a unicast peer) says nothing about this one.
    return sent === -E.CONNREFUSED ? sendto(this.fd, outgoing.address, length, 0, target) : sent;
  }

  close(): void {
    this.ear?.close();
    this.watch.close();
    close(this.fd);
  }
}
