/** The raw VRRP socket of one interface for IPv4: every instance on it shares it, for multicast and for unicast. */
import { EPOLL } from "../../sys/abi.ts";
import { E } from "../../sys/errno.ts";
import type { Loop, Watch } from "../../sys/loop.ts";
import { pinned } from "../../sys/memory.ts";
import { openRawSocket } from "../../sys/raw-socket.ts";
import { close, recv, sendto } from "../../sys/socket.ts";
import { addressText } from "../../net/address.ts";
import { encodePacket, PACKET_BYTES_MAX, type Seal } from "../packet.ts";
import type { Advert, Ends } from "../wire.ts";
import { type AdvertPort, PACKETS_PER_DRAIN, RECEIVE_BUFFER_BYTES } from "./advert-port.ts";

/** IP options that a received header may have besides (RFC 791 §3.1). */
const OPTION_BYTES_MAX = 40;
const RECEIVE_BYTES_MAX = PACKET_BYTES_MAX + OPTION_BYTES_MAX;

/** Shared by all sockets: one is read, or written, at a time. */
const incoming = pinned(RECEIVE_BYTES_MAX);
const outgoing = pinned(PACKET_BYTES_MAX);

export type PacketHandler = (bytes: Uint8Array, length: number) => void;

export class AdvertSocket implements AdvertPort {
  readonly interfaceIndex: number;
  private readonly fd: number;
  private readonly watch: Watch;
  private readonly onPacket: PacketHandler;

  /** `protocol`: VRRP's, or that of the authentication header. @throws SysError without CAP_NET_RAW or the interface. */
  constructor(
    loop: Loop,
    protocol: number,
    interfaceName: string,
    interfaceIndex: number,
    groups: readonly Uint8Array[],
    onPacket: PacketHandler,
  ) {
    this.interfaceIndex = interfaceIndex;
    this.onPacket = onPacket;
    this.fd = openRawSocket({
      protocol,
      interfaceName,
      interfaceIndex,
      groups,
      receiveBufferBytes: RECEIVE_BUFFER_BYTES,
    });
    this.watch = loop.watch(this.fd, EPOLL.IN, () => this.drain());
  }

  drain(): void {
    for (let count = 0; count < PACKETS_PER_DRAIN; count++) {
      const length = recv(this.fd, incoming.address, RECEIVE_BYTES_MAX, 0);
      // Anything but a packet ends the round: EAGAIN as a rule, ENETDOWN when the interface went down.
      if (length < 0) return;
      this.onPacket(incoming.bytes, length);
    }
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
    this.watch.close();
    close(this.fd);
  }
}
