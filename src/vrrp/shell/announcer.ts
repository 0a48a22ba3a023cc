/**
 * Tells the neighbours where a VIP is: gratuitous ARP for IPv4, unsolicited neighbour advertisements for IPv6, as whole
 * frames from a packet socket. It never waits: a full queue is reported and tried again later; where a distance between
 * frames is configured, a timer sends the rest.
 */
import { readFileSync } from "node:fs";
import type { Loop, LoopTimer } from "../../sys/loop.ts";
import { openPacketSender, sendFrame } from "../../sys/packet-socket.ts";
import { pinned } from "../../sys/memory.ts";
import { close } from "../../sys/socket.ts";
import { ARP_FRAME_BYTES, encodeArp, gratuitousArp } from "../../net/arp.ts";
import { encodeNeighbourAdvertisement, NEIGHBOUR_FRAME_BYTES } from "../../net/ndp.ts";
import type { NodeView } from "../../netlink/node-view.ts";
import { withBurst } from "../burst.ts";
import type { Vip } from "../settings.ts";

const ETHERNET_ADDRESS_BYTES = 6;
const frame = pinned(Math.max(ARP_FRAME_BYTES, NEIGHBOUR_FRAME_BYTES));

export interface AnnounceResult {
  readonly sent: number;
  /** The first refusal as -errno; 0: none. */
  readonly refusal: number;
}

/** `repeat` rounds over these VIPs, so that each is announced once before any is announced twice. */
export interface Burst {
  readonly vips: readonly Vip[];
  readonly repeat: number;
  /** Between two frames; 0: all at once. */
  readonly intervalMs: number;
  /** Of what a timer sends later. */
  readonly sentLater: (result: AnnounceResult) => void;
}

/** Bursts of one owner that are being sent frame by frame. */
interface Running {
  waiting: readonly Vip[];
  /** The newest: its distance and its owner's ear count. */
  burst: Burst;
  timer: LoopTimer;
}

export class Announcer {
  private readonly loop: Loop;
  private readonly fd = openPacketSender("gratuitous ARP");
  /** Interface name → whether this node forwards IPv6 packets that come in there; read once a burst. */
  private readonly forwarding = new Map<string, boolean>();
  private readonly running = new Map<string, Running>();

  constructor(loop: Loop) {
    this.loop = loop;
  }

  announce(owner: string, view: NodeView, burst: Burst): AnnounceResult {
    this.forwarding.clear();
    const { vips, repeat, intervalMs } = burst;
    if (intervalMs > 0) return this.begin(owner, view, burst);
    this.cancel(owner);
    let sent = 0;
    let refusal = 0;
    for (let round = 0; round < repeat; round++) {
      for (const vip of vips) {
        const result = this.send(view, vip);
        if (result > 0) sent++;
        else if (result < 0 && refusal === 0) refusal = result;
      }
    }
    return { sent, refusal };
  }

  /** The VIPs are about to leave: nobody is told any more that they are here. */
  cancel(owner: string): void {
    this.running.get(owner)?.timer.cancel();
    this.running.delete(owner);
  }

  close(): void {
    for (const { timer } of this.running.values()) timer.cancel();
    this.running.clear();
    close(this.fd);
  }

  /** Sends the first frame, or adds to what is being sent. */
  private begin(owner: string, view: NodeView, burst: Burst): AnnounceResult {
    const running = this.running.get(owner);
    const waiting = withBurst(running?.waiting ?? [], burst.vips, burst.repeat);
    if (running === undefined) return this.next(owner, view, burst, waiting);
    running.waiting = waiting;
    running.burst = burst;
    return { sent: 0, refusal: 0 };
  }

  private next(owner: string, view: NodeView, burst: Burst, [vip, ...waiting]: readonly Vip[]): AnnounceResult {
    if (vip === undefined) {
      this.running.delete(owner);
      return { sent: 0, refusal: 0 };
    }
    const result = this.send(view, vip);
    const timer = this.loop.after(burst.intervalMs, () => {
      const { burst: newest } = running;
      newest.sentLater(this.next(owner, view, newest, running.waiting));
    });
    const running: Running = { waiting, burst, timer };
    this.running.set(owner, running);
    return { sent: result > 0 ? 1 : 0, refusal: Math.min(result, 0) };
  }

  private forwards(interfaceName: string): boolean {
    const known = this.forwarding.get(interfaceName);
    if (known !== undefined) return known;
    const forwards = forwardsIpv6(interfaceName);
    this.forwarding.set(interfaceName, forwards);
    return forwards;
  }

  /** Bytes, 0 where nobody listens, or -errno. */
  private send(view: NodeView, vip: Vip): number {
    const link = view.link(vip.interfaceName);
    // No neighbours to tell on a loopback or a link without Ethernet addresses.
    if (link === null || link.loopback || link.mac.length !== ETHERNET_ADDRESS_BYTES) return 0;
    const length =
      vip.address.length === 4
        ? encodeArp(frame.bytes, gratuitousArp(link.mac, vip.address))
        : encodeNeighbourAdvertisement(frame.bytes, {
            mac: link.mac,
            address: vip.address,
            router: this.forwards(vip.interfaceName),
          });
    return sendFrame(this.fd, link.index, frame.address, length);
  }
}

function forwardsIpv6(interfaceName: string): boolean {
  try {
    return readFileSync(`/proc/sys/net/ipv6/conf/${interfaceName}/forwarding`, "utf8").trim() !== "0";
  } catch {
    // No IPv6 on the interface: nothing of it is announced either.
    return false;
  }
}
