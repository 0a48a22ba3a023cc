/** The sockets of all interfaces, and what arrives on them: each packet is checked against the instances that listen there. */
import { SysError } from "../../sys/errno.ts";
import type { Loop } from "../../sys/loop.ts";
import type { NodeView } from "../../netlink/node-view.ts";
import { type Accepted, receiveAdvert, receivePacket, type ReceiveView, type Refused } from "../receive.ts";
import type { Result } from "../../lib/result.ts";
import type { PathName } from "../paths.ts";
import type { InstanceSettings } from "../settings.ts";
import { AH_PROTOCOL } from "../../net/ah.ts";
import { VRRP_PROTOCOL } from "../wire.ts";
import type { AdvertPort, AdvertPortReports, AdvertSocketOptions } from "./advert-port.ts";
import { AdvertSocket } from "./advert-socket.ts";
import { AdvertSocket6 } from "./advert-socket6.ts";
import type { Runner } from "./runner.ts";

/** What an instance wants a socket for: `heartbeat` both hears and speaks, on the second path. */
export type SocketUse = "hears" | "speaks" | "heartbeat";

/** What packets of one interface are checked against; rebuilt when settings or the own address change. */
interface Listener extends ReceiveView {
  readonly runner: Runner;
  readonly path: PathName;
}

/** An instance with authentication headers has a socket of another protocol. */
const socketKinds = ["ipv4", "ipv6", "ah"] as const;

interface OpenSocket {
  readonly port: AdvertPort;
  /** The groups that it joined, as text. */
  readonly groups: string;
}

export class Receiver {
  private readonly loop: Loop;
  private readonly view: NodeView;
  private readonly sockets = new Map<string, OpenSocket>();
  /** Socket key → VRID → instance. */
  private readonly listeners = new Map<string, Map<number, Listener>>();
  /** Socket key → groups of its instances. */
  private groups = new Map<string, readonly Uint8Array[]>();

  constructor(loop: Loop, view: NodeView) {
    this.loop = loop;
    this.view = view;
  }

  /** Listens for exactly these. */
  listen(runners: readonly Runner[]): void {
    this.listeners.clear();
    const groups = new Map<string, Uint8Array[]>();
    for (const listener of runners.flatMap(listenersOf)) {
      const { settings } = listener.runner;
      const key = socketKey(settings, listener.path === "main" ? "hears" : listener.path);
      const here = this.listeners.get(key) ?? new Map<number, Listener>();
      this.listeners.set(key, here);
      here.set(listener.virtualRouterId, listener);
      const joined = groups.get(key) ?? [];
      if (!joined.some((group) => group.join() === settings.multicastGroup.join()))
        joined.push(settings.multicastGroup);
      groups.set(key, joined);
    }
    this.groups = groups;
    for (const [key, socket] of this.sockets) {
      if (groupText(groups.get(key) ?? []) === socket.groups) continue;
      socket.port.close();
      this.sockets.delete(key);
    }
  }

  /** The socket that the instance hears or speaks with, as its interface is now; text when it cannot be had. */
  socket(settings: InstanceSettings, use: SocketUse): AdvertPort | string {
    const name = interfaceOf(settings, use);
    const link = this.view.link(name);
    if (link === null) return `interface ${name} does not exist`;
    const key = socketKey(settings, use);
    const known = this.sockets.get(key);
    if (known !== undefined && known.port.interfaceIndex === link.index) return known.port;
    known?.port.close();
    this.sockets.delete(key);
    // A socket that is only spoken with hears nothing.
    const groups =
      this.groups.get(key) ?? (use === "heartbeat" || name === settings.hears ? [settings.multicastGroup] : []);
    try {
      const port = this.open(key, settings, name, link.index, groups);
      this.sockets.set(key, { port, groups: groupText(groups) });
      return port;
    } catch (error) {
      if (error instanceof SysError) return error.message;
      throw error;
    }
  }

  /** The interface is another one now, or gone. */
  dropStale(interfaceName: string): void {
    const index = this.view.link(interfaceName)?.index;
    for (const kind of socketKinds) {
      const key = `${kind} ${interfaceName}`;
      const known = this.sockets.get(key);
      if (known === undefined || known.port.interfaceIndex === index) continue;
      known.port.close();
      this.sockets.delete(key);
    }
  }

  drain(): void {
    for (const { port } of this.sockets.values()) port.drain();
  }

  close(): void {
    for (const { port } of this.sockets.values()) port.close();
    this.sockets.clear();
    this.listeners.clear();
  }

  private open(
    key: string,
    settings: InstanceSettings,
    name: string,
    index: number,
    groups: readonly Uint8Array[],
  ): AdvertPort {
    const find = (virtualRouterId: number): Listener | null => this.listeners.get(key)?.get(virtualRouterId) ?? null;
    const protocol = settings.sealed ? AH_PROTOCOL : VRRP_PROTOCOL;
    const reports: AdvertPortReports = {
      lost: (count) => this.lost(key, count),
      mismatched: (bytes, length) => {
        const result = receivePacket(bytes, length, find);
        // Without a VRID of ours it is some other virtual router's.
        if (result.ok || result.error.view !== null) this.take(key, result);
      },
    };
    // Every node of the virtual router has an interface of this address.
    const quiet = name === settings.vmac?.name;
    const options: AdvertSocketOptions = { interfaceName: name, interfaceIndex: index, groups, quiet, reports };
    return settings.family === 4
      ? new AdvertSocket(this.loop, protocol, options, (bytes, length) =>
          this.take(key, receivePacket(bytes, length, find)),
        )
      : new AdvertSocket6(this.loop, options, (bytes, packet) => this.take(key, receiveAdvert(bytes, packet, find)));
  }

  /** Every instance counts them, for any may have missed something; one of them says so. */
  private lost(key: string, count: number): void {
    [...(this.listeners.get(key)?.values() ?? [])].forEach(({ runner, path }, i) => runner.lost(count, path, i === 0));
  }

  private take(key: string, result: Result<Accepted<Listener>, Refused<Listener>>): void {
    if (result.ok) {
      result.value.view.runner.received(result.value, result.value.view.path);
      return;
    }
    const { view, reason, source } = result.error;
    if (view !== null) return view.runner.refused(reason, view.path, source);
    for (const { runner, path } of this.listeners.get(key)?.values() ?? []) runner.countForeign(reason, path);
  }
}

/** What the instance expects on its main path, and on the second if it has one. */
function listenersOf(runner: Runner): readonly Listener[] {
  const { settings, ownAddress, heartbeatAddress } = runner;
  const common = {
    runner,
    virtualRouterId: settings.virtualRouterId,
    version: settings.params.version,
    advertIntervalMs: settings.params.advertIntervalMs,
    addresses: settings.advertised,
    password: settings.password,
    sealed: settings.sealed ? runner : null,
    multicastGroup: settings.multicastGroup,
  };
  const main = { path: "main", ownAddress, otherOwnAddress: heartbeatAddress, peers: settings.peers } as const;
  if (settings.heartbeat === null) return [{ ...common, ...main }];
  const { peers } = settings.heartbeat;
  const second = { path: "heartbeat", ownAddress: heartbeatAddress, otherOwnAddress: ownAddress, peers } as const;
  return [
    { ...common, ...main },
    { ...common, ...second },
  ];
}

function interfaceOf(settings: InstanceSettings, use: SocketUse): string {
  return use === "heartbeat" ? (settings.heartbeat?.interfaceName ?? "") : settings[use];
}

function socketKey(settings: InstanceSettings, use: SocketUse): string {
  return `${settings.sealed ? "ah" : settings.family === 4 ? "ipv4" : "ipv6"} ${interfaceOf(settings, use)}`;
}

function groupText(groups: readonly Uint8Array[]): string {
  return groups.map((group) => group.join(".")).join(" ");
}
