/**
 * The VRRP speaker: all instances of this node, the sockets of their interfaces, and what they share: the kernel's
 * picture, tracks, orders. The role drives it; it knows nothing of channels.
 */
import type { BallastEvent, VrrpStatus } from "../../admin/api.ts";
import type { VrrpConfig } from "../../config/types.ts";
import { ADDRESS_OWNER } from "../../netlink/codec-route.ts";
import type { NodeChange } from "../../netlink/node-view.ts";
import type { RoutePort } from "../../netlink/route-port.ts";
import { addressText, sameAddress } from "../../net/address.ts";
import { SysError } from "../../sys/errno.ts";
import type { Loop } from "../../sys/loop.ts";
import { linkFact } from "../node-facts.ts";
import { receivePacket, type ReceiveView } from "../receive.ts";
import { type InstanceSettings, instanceSettings, MULTICAST_GROUP_IPV4 } from "../settings.ts";
import { AdvertSocket } from "./advert-socket.ts";
import { GarpSender } from "./garp-sender.ts";
import { Runner, type RunnerPorts } from "./runner.ts";

export interface SpeakerReports {
  event(event: BallastEvent): void;
  /** The status of an instance changed. */
  changed(): void;
}

/** What packets of one interface are checked against; rebuilt when settings or the own address change. */
interface Listener extends ReceiveView {
  readonly runner: Runner;
}

export class Speaker {
  private readonly loop: Loop;
  private readonly route: RoutePort;
  private readonly garp = new GarpSender();
  private readonly ports: RunnerPorts;
  private runners: Runner[] = [];
  private readonly sockets = new Map<string, AdvertSocket>();
  /** Interface name → VRID → instance. */
  private readonly listeners = new Map<string, Map<number, Listener>>();
  /** Null until the supervisor has said so once: instances that track the proxy wait for that. */
  private proxyServes: boolean | null = null;
  private waiting: Runner[] = [];
  private refreshIsDue = false;

  constructor(loop: Loop, route: RoutePort, reports: SpeakerReports) {
    this.loop = loop;
    this.route = route;
    this.ports = {
      loop,
      route,
      garp: this.garp,
      socket: (interfaceName) => this.socketOf(interfaceName),
      drain: () => this.drain(),
      report: (event) => reports.event(event),
      changed: () => reports.changed(),
    };
  }

  /**
   * Runs exactly these instances: new ones start, those that are gone resign, those whose identity (interface, VRID,
   * version) is unchanged keep their state and timers.
   */
  configure(configs: readonly VrrpConfig[]): void {
    const wanted = configs.map(instanceSettings);
    const kept = new Map(this.runners.map((runner) => [runner.settings.identity, runner]));
    const isFirst = this.runners.length === 0;
    const stays = (runner: Runner): boolean =>
      wanted.some((settings) => settings.identity === runner.settings.identity);
    for (const runner of this.runners) if (!stays(runner)) runner.handle({ kind: "stop" });
    const fresh: Runner[] = [];
    const changed: (() => void)[] = [];
    this.runners = wanted.map((settings) => {
      const runner = kept.get(settings.identity);
      if (runner === undefined) {
        const created = new Runner(settings, this.ports);
        fresh.push(created);
        return created;
      }
      if (JSON.stringify(plain(runner.settings)) !== JSON.stringify(plain(settings))) {
        const params = runner.release(settings);
        changed.push(() => runner.reconfigure(params, this.tracksWell(settings)));
      }
      return runner;
    });
    // A VIP may have moved from one instance to another: all have let go before any sets what is new.
    for (const apply of changed) apply();
    if (isFirst) this.sweep();
    for (const runner of this.runners) this.refreshLink(runner);
    for (const runner of fresh) runner.removeLeftovers();
    this.waiting = this.waiting.filter((runner) => this.runners.includes(runner));
    this.waiting.push(...fresh);
    this.startWaiting();
    this.rebuildListeners();
  }

  /** Starts what may start: a fault that ends a moment later would only alarm people. */
  private startWaiting(): void {
    const tracksProxy = (runner: Runner): boolean =>
      runner.settings.params.tracks.some((track) => track.kind === "proxy");
    const waiting = this.waiting;
    this.waiting = [];
    for (const runner of waiting) {
      if (this.proxyServes === null && tracksProxy(runner)) {
        this.waiting.push(runner);
        continue;
      }
      runner.handle({ kind: "tracks", well: this.tracksWell(runner.settings) });
      runner.handle({ kind: "start" });
    }
  }

  proxyHealth(serves: boolean): void {
    if (serves === this.proxyServes) return;
    this.proxyServes = serves;
    this.refreshTracks();
    this.startWaiting();
  }

  /** `instance` null: all of them. False when there is no instance of that name. */
  order(order: "failover" | "maint" | "resume", instance: string | null): boolean {
    const meant = this.runners.filter((runner) => instance === null || runner.name === instance);
    for (const runner of meant) runner.handle({ kind: "order", order });
    return meant.length > 0;
  }

  /** Priority 0 from every master, VIPs away. Nothing is sent after it. */
  stop(): void {
    for (const runner of this.runners) runner.handle({ kind: "stop" });
    for (const socket of this.sockets.values()) socket.close();
    this.sockets.clear();
    this.listeners.clear();
    this.runners = [];
    this.garp.close();
  }

  status(): readonly VrrpStatus[] {
    return this.runners.map((runner) => runner.status());
  }

  /** Something changed in the kernel's picture of the node. */
  nodeChanged(change: NodeChange): void {
    switch (change.kind) {
      case "link":
      case "link_gone":
        this.dropStaleSocket(change.kind === "link" ? change.link.name : change.name);
        for (const runner of this.runners) this.refreshLink(runner);
        this.refreshTracks();
        this.rebuildListeners();
        return;
      case "address":
        this.addressChanged(change.linkName);
        return;
      case "address_gone":
        this.addressChanged(change.linkName);
        if (!change.own) this.restore(change);
        return;
    }
  }

  private restore(change: Extract<NodeChange, { kind: "address_gone" }>): void {
    for (const runner of this.runners) {
      const vip = runner.settings.vips.find(
        (candidate) =>
          candidate.interfaceName === change.linkName &&
          candidate.prefixLength === change.address.prefixLength &&
          sameAddress(candidate.address, change.address.address),
      );
      if (vip !== undefined) runner.handle({ kind: "address_lost", address: vip.text });
    }
  }

  /** Once a turn, however many addresses come and go. */
  private addressChanged(linkName: string): void {
    if (this.refreshIsDue || !this.runners.some((runner) => runner.settings.interfaceName === linkName)) return;
    this.refreshIsDue = true;
    this.loop.defer(() => {
      this.refreshIsDue = false;
      for (const runner of this.runners) this.refreshLink(runner);
      this.rebuildListeners();
    });
  }

  private refreshLink(runner: Runner): void {
    const allVips = this.runners.flatMap((other) => other.settings.vips);
    const link = linkFact(this.route.view, runner.settings, allVips);
    // Open before the first advert: a backup has to hear before it speaks.
    if (link.kind === "up") this.socketOf(runner.settings.interfaceName);
    runner.handle({ kind: "link", link });
  }

  private refreshTracks(): void {
    for (const runner of this.runners) runner.handle({ kind: "tracks", well: this.tracksWell(runner.settings) });
  }

  private tracksWell(settings: InstanceSettings): readonly boolean[] {
    return settings.params.tracks.map((track) =>
      track.kind === "proxy" ? this.proxyServes === true : this.route.view.link(track.name)?.running === true,
    );
  }

  /**
   * At the start no address with our tag can be in use: what stands on the interfaces that we serve is left from a
   * speaker that was killed, also when the configuration has changed since.
   */
  private sweep(): void {
    const { view } = this.route;
    const names = new Set(this.runners.flatMap((runner) => runner.settings.vips.map((vip) => vip.interfaceName)));
    const known = this.runners.flatMap((runner) => runner.settings.vips);
    for (const name of names) {
      const link = view.link(name);
      if (link === null) continue;
      const strays = view
        .addressesOf(link.index)
        .filter((fact) => fact.owner === ADDRESS_OWNER && !known.some((vip) => sameAddress(vip.address, fact.address)));
      this.route.change(
        "remove",
        strays.map((fact) => ({ ...fact, broadcast: null })),
      );
    }
  }

  /** The socket of the interface as it is now; text when it cannot be had. */
  private socketOf(name: string): AdvertSocket | string {
    const link = this.route.view.link(name);
    if (link === null) return `interface ${name} does not exist`;
    const known = this.sockets.get(name);
    if (known !== undefined && known.interfaceIndex === link.index) return known;
    known?.close();
    this.sockets.delete(name);
    try {
      const opened = new AdvertSocket(this.loop, name, link.index, (bytes, length) => this.packet(name, bytes, length));
      this.sockets.set(name, opened);
      return opened;
    } catch (error) {
      if (error instanceof SysError) return error.message;
      throw error;
    }
  }

  private dropStaleSocket(name: string): void {
    const known = this.sockets.get(name);
    if (known === undefined || known.interfaceIndex === this.route.view.link(name)?.index) return;
    known.close();
    this.sockets.delete(name);
  }

  private drain(): void {
    this.route.drain();
    for (const socket of this.sockets.values()) socket.drain();
  }

  private packet(interfaceName: string, bytes: Uint8Array, length: number): void {
    const listeners = this.listeners.get(interfaceName);
    const result = receivePacket(bytes, length, (virtualRouterId) => listeners?.get(virtualRouterId) ?? null);
    if (result.ok) {
      result.value.view.runner.received(result.value);
      return;
    }
    const { view, reason } = result.error;
    if (view !== null) view.runner.refused(reason);
    else for (const listener of listeners?.values() ?? []) listener.runner.countForeign(reason);
  }

  private rebuildListeners(): void {
    this.listeners.clear();
    for (const runner of this.runners) {
      const { settings } = runner;
      const ofInterface = this.listeners.get(settings.interfaceName) ?? new Map<number, Listener>();
      this.listeners.set(settings.interfaceName, ofInterface);
      ofInterface.set(settings.virtualRouterId, {
        runner,
        virtualRouterId: settings.virtualRouterId,
        version: settings.params.version,
        advertIntervalMs: settings.params.advertIntervalMs,
        addresses: settings.advertised,
        password: settings.password,
        ownAddress: runner.ownAddress,
        multicastGroup: MULTICAST_GROUP_IPV4,
        peers: settings.peers,
      });
    }
  }
}

/** Settings as comparable data: byte arrays as text. */
function plain(settings: InstanceSettings): unknown {
  const bytes = (value: Uint8Array | null): string | null => value?.join(".") ?? null;
  return {
    ...settings,
    advertised: bytes(settings.advertised),
    password: bytes(settings.password),
    peers: settings.peers?.map(addressText) ?? null,
    source: bytes(settings.source),
    vips: settings.vips.map((vip) => ({ ...vip, address: bytes(vip.address), broadcast: bytes(vip.broadcast) })),
  };
}
