/**
 * The raw VRRP socket of one interface for IPv6: every IPv6 instance on it shares it. A quiet one hears with a packet
 * socket, which joins no group.
 */
import { EPOLL } from "../../sys/abi.ts";
import type { Loop, Watch } from "../../sys/loop.ts";
import { pinned } from "../../sys/memory.ts";
import { openMulticastListener } from "../../sys/multicast-listener.ts";
import { openRaw6Socket, receiveFrom6, sendFrom6 } from "../../sys/raw6-socket.ts";
import { close, recv } from "../../sys/socket.ts";
import { decodeIpv6, IPV6_HEADER_BYTES } from "../../net/ipv6.ts";
import { type Advert, ADVERT_BYTES_MAX, encodeAdvert, type Ends, VRRP_PROTOCOL } from "../wire.ts";
import type { AdvertPacket } from "../receive.ts";
import { ADVERT_TOS, ADVERT_TTL } from "../packet.ts";
import {
  type AdvertPort,
  type AdvertPortReports,
  type AdvertSocketOptions,
  PACKETS_PER_DRAIN,
  RECEIVE_BUFFER_BYTES,
} from "./advert-port.ts";
import { DropCount } from "./drop-count.ts";

const incoming = pinned(IPV6_HEADER_BYTES + ADVERT_BYTES_MAX + 1);
const outgoing = pinned(ADVERT_BYTES_MAX);

export class AdvertSocket6 implements AdvertPort {
  readonly interfaceIndex: number;
  private readonly fd: number;
  /** What a quiet one hears with; null: the socket that is spoken with. */
  private readonly listener: number | null;
  private readonly watch: Watch;
  private readonly onPacket: (bytes: Uint8Array, packet: AdvertPacket) => void;
  private readonly reports: AdvertPortReports;
  private readonly drops: DropCount;

  /** @throws SysError without CAP_NET_RAW, without the interface, or without IPv6 on it. */
  constructor(loop: Loop, options: AdvertSocketOptions, onPacket: (bytes: Uint8Array, packet: AdvertPacket) => void) {
    const { groups, quiet, reports } = options;
    this.interfaceIndex = options.interfaceIndex;
    this.onPacket = onPacket;
    this.reports = reports;
    const common = { ...options, receiveBufferBytes: RECEIVE_BUFFER_BYTES };
    const send = { hopLimit: ADVERT_TTL, trafficClass: ADVERT_TOS };
    this.fd = openRaw6Socket({ ...common, ...send, protocol: VRRP_PROTOCOL, groups: quiet ? [] : groups });
    try {
      this.listener = quiet ? openMulticastListener({ ...common, family: 6, protocols: [VRRP_PROTOCOL] }) : null;
    } catch (error) {
      close(this.fd);
      throw error;
    }
    this.drops = new DropCount(this.listener ?? this.fd);
    this.watch = loop.watch(this.listener ?? this.fd, EPOLL.IN, () => this.drain());
  }

  drain(): void {
    for (let count = 0; count < PACKETS_PER_DRAIN; count++) {
      if (!(this.listener === null ? this.take() : this.takeWhole(this.listener))) break;
    }
    const lost = this.drops.take();
    if (lost > 0) this.reports.lost(lost);
  }

  /** False: there was no packet. */
  private take(): boolean {
    const { length, ends } = receiveFrom6(this.fd, incoming.address, incoming.bytes.length);
    if (length < 0) return false;
    if (ends === null) return true;
    const { source, destination, hopLimit } = ends;
    this.onPacket(incoming.bytes, { ttl: hopLimit, source, destination, payloadStart: 0, payloadEnd: length });
    return true;
  }

  /** As `take`, with the IPv6 header in front. */
  private takeWhole(listener: number): boolean {
    const length = recv(listener, incoming.address, incoming.bytes.length, 0);
    if (length < 0) return false;
    const packet = decodeIpv6(incoming.bytes, length);
    if (packet === null) return true;
    const { hopLimit, source, destination, payloadStart, payloadEnd } = packet;
    this.onPacket(incoming.bytes, { ttl: hopLimit, source, destination, payloadStart, payloadEnd });
    return true;
  }

  send(advert: Advert, ends: Ends): number {
    const length = encodeAdvert(outgoing.bytes, advert, ends);
    return sendFrom6(this.fd, outgoing.address, length, this.interfaceIndex, ends.source, ends.destination);
  }

  close(): void {
    this.watch.close();
    if (this.listener !== null) close(this.listener);
    close(this.fd);
  }
}
