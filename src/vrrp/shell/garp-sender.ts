/** Sends gratuitous ARP from a packet socket. It never waits: a full queue is reported and tried again later. */
import { openPacketSender, sendFrame } from "../../sys/packet-socket.ts";
import { pinned } from "../../sys/memory.ts";
import { close } from "../../sys/socket.ts";
import { ARP_FRAME_BYTES, encodeArp, gratuitousArp } from "../../net/arp.ts";
import type { NodeView } from "../../netlink/node-view.ts";
import type { Vip } from "../settings.ts";

const ETHERNET_ADDRESS_BYTES = 6;
const frame = pinned(ARP_FRAME_BYTES);

export interface AnnounceResult {
  readonly sent: number;
  /** The first refusal as -errno; 0: none. */
  readonly refusal: number;
}

export class GarpSender {
  private readonly fd = openPacketSender("gratuitous ARP");

  /** `repeat` rounds over all VIPs, so that each is announced once before any is announced twice. */
  announce(view: NodeView, vips: readonly Vip[], repeat: number): AnnounceResult {
    let sent = 0;
    let refusal = 0;
    for (let round = 0; round < repeat; round++) {
      for (const vip of vips) {
        const link = view.link(vip.interfaceName);
        // No neighbours to tell on a loopback or a link without Ethernet addresses.
        if (link === null || link.loopback || link.mac.length !== ETHERNET_ADDRESS_BYTES) continue;
        encodeArp(frame.bytes, gratuitousArp(link.mac, vip.address));
        const result = sendFrame(this.fd, link.index, frame.address, ARP_FRAME_BYTES);
        if (result >= 0) sent++;
        else if (refusal === 0) refusal = result;
      }
    }
    return { sent, refusal };
  }

  close(): void {
    close(this.fd);
  }
}
