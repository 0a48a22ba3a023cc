/** The raw VRRP socket of one interface for IPv6: every IPv6 instance on it shares it. */
import { EPOLL } from "../../sys/abi.ts";
import type { Loop, Watch } from "../../sys/loop.ts";
import { pinned } from "../../sys/memory.ts";
import { openRaw6Socket, receiveFrom6, sendFrom6 } from "../../sys/raw6-socket.ts";
import { close } from "../../sys/socket.ts";
import { type Advert, ADVERT_BYTES_MAX, encodeAdvert, type Ends, VRRP_PROTOCOL } from "../wire.ts";
import type { AdvertPacket } from "../receive.ts";
import { ADVERT_TOS, ADVERT_TTL } from "../packet.ts";
import { type AdvertPort, type AdvertPortReports, PACKETS_PER_DRAIN, RECEIVE_BUFFER_BYTES } from "./advert-port.ts";
import { DropCount } from "./drop-count.ts";

const incoming = pinned(ADVERT_BYTES_MAX + 1);
const outgoing = pinned(ADVERT_BYTES_MAX);

export class AdvertSocket6 implements AdvertPort {
  readonly interfaceIndex: number;
  private readonly fd: number;
  private readonly watch: Watch;
  private readonly onPacket: (bytes: Uint8Array, packet: AdvertPacket) => void;
  private readonly reports: Pick<AdvertPortReports, "lost"> | null;
  private readonly drops: DropCount;

  /** @throws SysError without CAP_NET_RAW, without the interface, or without IPv6 on it. */
  constructor(
    loop: Loop,
    interfaceName: string,
    interfaceIndex: number,
    groups: readonly Uint8Array[],
    onPacket: (bytes: Uint8Array, packet: AdvertPacket) => void,
    reports: Pick<AdvertPortReports, "lost"> | null = null,
  ) {
    this.interfaceIndex = interfaceIndex;
    this.onPacket = onPacket;
    this.reports = reports;
    this.fd = openRaw6Socket({
      protocol: VRRP_PROTOCOL,
      interfaceName,
      interfaceIndex,
      groups,
      receiveBufferBytes: RECEIVE_BUFFER_BYTES,
      hopLimit: ADVERT_TTL,
      trafficClass: ADVERT_TOS,
    });
    this.drops = new DropCount(this.fd);
    this.watch = loop.watch(this.fd, EPOLL.IN, () => this.drain());
  }

  drain(): void {
    for (let count = 0; count < PACKETS_PER_DRAIN; count++) {
      const { length, ends } = receiveFrom6(this.fd, incoming.address, incoming.bytes.length);
      if (length < 0) break;
      if (ends === null) continue;
      const { source, destination, hopLimit } = ends;
      this.onPacket(incoming.bytes, { ttl: hopLimit, source, destination, payloadStart: 0, payloadEnd: length });
    }
    const lost = this.drops.take();
    if (lost > 0) this.reports?.lost(lost);
  }

  send(advert: Advert, ends: Ends): number {
    const length = encodeAdvert(outgoing.bytes, advert, ends);
    return sendFrom6(this.fd, outgoing.address, length, this.interfaceIndex, ends.source, ends.destination);
  }

  close(): void {
    this.watch.close();
    close(this.fd);
  }
}
