/**
 * The raw VRRP socket of one interface for IPv4: every instance on it shares it, for multicast and for unicast. A quiet
 * one hears with a packet socket, which joins no group.
 */
import { EPOLL } from "../../sys/abi.ts";
import { E } from "../../sys/errno.ts";
import type { Loop, Watch } from "../../sys/loop.ts";
import { pinned } from "../../sys/memory.ts";
import { openMulticastListener } from "../../sys/multicast-listener.ts";
import { openRawSocket } from "../../sys/raw-socket.ts";
import { close, recv, sendto } from "../../sys/socket.ts";
import { addressText } from "../../net/address.ts";
import { encodePacket, PACKET_BYTES_MAX, type Seal } from "../packet.ts";
import { AH_PROTOCOL } from "../../net/ah.ts";
import { type Advert, type Ends, VRRP_PROTOCOL } from "../wire.ts";
import {
  type AdvertPort,
  type AdvertPortReports,
  type AdvertSocketOptions,
  type PacketHandler,
  PACKETS_PER_DRAIN,
  RECEIVE_BUFFER_BYTES,
} from "./advert-port.ts";
import { DropCount } from "./drop-count.ts";
import { MismatchEar } from "./mismatch-ear.ts";

/** IP options that a received header may have besides (RFC 791 §3.1). */
const OPTION_BYTES_MAX = 40;
/** Of the IP header (RFC 791 §3.1). */
const PROTOCOL_OFFSET = 9;
const RECEIVE_BYTES_MAX = PACKET_BYTES_MAX + OPTION_BYTES_MAX;

/** Shared by all sockets: one is read, or written, at a time. */
const incoming = pinned(RECEIVE_BYTES_MAX);
const outgoing = pinned(PACKET_BYTES_MAX);

export class AdvertSocket implements AdvertPort {
  readonly interfaceIndex: number;
  private readonly protocol: number;
  private readonly fd: number;
  /** What is heard with: as a rule the socket that is spoken with. */
  private readonly hearing: number;
  private readonly watch: Watch;
  private readonly onPacket: PacketHandler;
  private readonly reports: AdvertPortReports;
  private readonly drops: DropCount;
  private readonly ear: MismatchEar | null;

  /** `protocol`: VRRP's, or that of the authentication header. @throws SysError without CAP_NET_RAW or the interface. */
  constructor(loop: Loop, protocol: number, options: AdvertSocketOptions, onPacket: PacketHandler) {
    const { groups, quiet, reports } = options;
    this.interfaceIndex = options.interfaceIndex;
    this.protocol = protocol;
    this.onPacket = onPacket;
    this.reports = reports;
    const other = protocol === AH_PROTOCOL ? VRRP_PROTOCOL : AH_PROTOCOL;
    const listener = { ...options, receiveBufferBytes: RECEIVE_BUFFER_BYTES };
    this.fd = openRawSocket({ ...listener, protocol, groups: quiet ? [] : groups });
    try {
      const protocols = [protocol, other];
      this.hearing = quiet ? openMulticastListener({ ...listener, family: 4, protocols }) : this.fd;
      this.ear = quiet || groups.length === 0 ? null : new MismatchEar(loop, other, options);
    } catch (error) {
      close(this.fd);
      throw error;
    }
    this.drops = new DropCount(this.hearing);
    this.watch = loop.watch(this.hearing, EPOLL.IN, () => this.drain());
  }

  drain(): void {
    for (let count = 0; count < PACKETS_PER_DRAIN; count++) {
      const length = recv(this.hearing, incoming.address, RECEIVE_BYTES_MAX, 0);
      // Anything but a packet ends the round: EAGAIN as a rule, ENETDOWN when the interface went down.
      if (length < 0) break;
      const isMatch = incoming.bytes[PROTOCOL_OFFSET] === this.protocol;
      if (isMatch) this.onPacket(incoming.bytes, length);
      else this.reports.mismatched(incoming.bytes, length);
    }
    const lost = this.drops.take();
    if (lost > 0) this.reports.lost(lost);
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
    if (this.hearing !== this.fd) close(this.hearing);
    close(this.fd);
  }
}
