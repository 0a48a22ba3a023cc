/**
 * Says again and again which multicast groups are listened to. A switch with snooping forgets who listens unless a router
 * asks, and many networks have none that does; the backup would hear nobody and lead beside the master. The kernel
 * reports only when a group is joined, and leaving it to join again would make the switch stop at once.
 *
 * Reports leave the real interface also for an instance with a MAC address of its own: from that one the backup would
 * draw the master's frames to its port.
 */
import { readFileSync } from "node:fs";
import { ADDRESS_OWNER } from "../../netlink/codec-route.ts";
import type { NodeView } from "../../netlink/node-view.ts";
import { encodeIgmpReport, IGMP_FRAME_BYTES_MAX, igmpVersion } from "../../net/igmp.ts";
import { isLinkLocal, solicitedNode } from "../../net/ipv6.ts";
import { encodeMldReport, MLD_FRAME_BYTES } from "../../net/mld.ts";
import type { Loop, LoopTimer } from "../../sys/loop.ts";
import { pinned } from "../../sys/memory.ts";
import { openPacketSender, sendFrame } from "../../sys/packet-socket.ts";
import { close } from "../../sys/socket.ts";
import type { InstanceSettings } from "../settings.ts";

/** A switch forgets after 260 s (RFC 3376 §8.4, and so most of them): four reports may be lost. */
const REPORT_INTERVAL_MS = 60_000;
/** After the link came up: a switch's port may forward nothing during the first seconds. */
const LINK_UP_DELAYS_MS = [0, 2000, 10_000] as const;
const ETHERNET_ADDRESS_BYTES = 6;

const frame = pinned(Math.max(IGMP_FRAME_BYTES_MAX, MLD_FRAME_BYTES));

interface Ear {
  readonly interfaceName: string;
  readonly group: Uint8Array;
}

interface UpLink {
  readonly index: number;
  readonly timers: readonly LoopTimer[];
}

export class Membership {
  private readonly loop: Loop;
  private readonly view: NodeView;
  private readonly fd = openPacketSender("membership reports");
  private readonly timer: LoopTimer;
  private ears: readonly Ear[] = [];
  /** Interfaces that run, by name. */
  private readonly up = new Map<string, UpLink>();

  /** @throws SysError without CAP_NET_RAW. */
  constructor(loop: Loop, view: NodeView) {
    this.loop = loop;
    this.view = view;
    this.timer = loop.every(REPORT_INTERVAL_MS, () => {
      for (const name of this.up.keys()) this.report(name);
    });
  }

  /** Reports for exactly these; to be called whenever they, or an interface, have changed. */
  keep(instances: readonly InstanceSettings[]): void {
    const before = this.ears;
    this.ears = uniqueEars(instances.flatMap(earsOf));
    const names = new Set(this.ears.map((ear) => ear.interfaceName));
    for (const [name, link] of this.up) {
      if (names.has(name) && this.runningIndex(name) === link.index) continue;
      for (const timer of link.timers) timer.cancel();
      this.up.delete(name);
    }
    for (const name of names) {
      const index = this.runningIndex(name);
      if (index === null) continue;
      if (!this.up.has(name)) this.linkUp(name, index);
      else if (this.ears.some((ear) => ear.interfaceName === name && !hasEar(before, ear))) this.report(name);
    }
  }

  close(): void {
    this.timer.cancel();
    this.keep([]);
    close(this.fd);
  }

  private runningIndex(name: string): number | null {
    const link = this.view.link(name);
    return link !== null && link.running && link.mac.length === ETHERNET_ADDRESS_BYTES ? link.index : null;
  }

  private linkUp(name: string, index: number): void {
    const timers = LINK_UP_DELAYS_MS.map((delayMs) => this.loop.after(delayMs, () => this.report(name)));
    this.up.set(name, { index, timers });
  }

  /** A report that the kernel does not take is lost like one on the wire: there will be another. */
  private report(name: string): void {
    const link = this.view.link(name);
    if (link === null) return;
    for (const { interfaceName, group } of this.ears) {
      if (interfaceName !== name) continue;
      const source = this.source(link.index, group.length === 4 ? 4 : 6);
      const what = { mac: link.mac, source, group };
      const length =
        group.length === 4
          ? encodeIgmpReport(frame.bytes, { ...what, version: igmpVersion(readIgmp(), name) })
          : encodeMldReport(frame.bytes, what);
      sendFrame(this.fd, link.index, frame.address, length);
    }
  }

  /** The interface's own address, never a VIP; zeros while there is none. */
  private source(linkIndex: number, family: 4 | 6): Uint8Array {
    const own = this.view
      .addressesOf(linkIndex)
      .find(
        (fact) =>
          fact.family === family &&
          fact.owner !== ADDRESS_OWNER &&
          !fact.secondary &&
          (family === 4 || (isLinkLocal(fact.address) && !fact.tentative)),
      );
    return own?.address ?? new Uint8Array(family === 4 ? 4 : 16);
  }
}

/** Where an instance hears multicast: not where its adverts come from peers one by one. */
function earsOf({ interfaceName, multicastGroup, peers, heartbeat, vmac, vips }: InstanceSettings): readonly Ear[] {
  const ears: Ear[] = [];
  // What asks for an address of the virtual router's own interface, which is kept from reporting it itself. A backup
  // reports it, too: when it leads it is too late.
  if (vmac !== null)
    for (const { address, interfaceName: home } of vips)
      if (home === vmac.name && address.length === 16) ears.push({ interfaceName, group: solicitedNode(address) });
  if (peers === null) ears.push({ interfaceName, group: multicastGroup });
  if (heartbeat !== null && heartbeat.peers === null)
    ears.push({ interfaceName: heartbeat.interfaceName, group: multicastGroup });
  return ears;
}

function uniqueEars(ears: readonly Ear[]): readonly Ear[] {
  return ears.filter((ear, i) => !hasEar(ears.slice(0, i), ear));
}

function hasEar(ears: readonly Ear[], { interfaceName, group }: Ear): boolean {
  return ears.some((ear) => ear.interfaceName === interfaceName && ear.group.join() === group.join());
}

/** Empty where the kernel has no IGMP. */
function readIgmp(): string {
  try {
    return readFileSync("/proc/net/igmp", "utf8");
  } catch {
    return "";
  }
}
