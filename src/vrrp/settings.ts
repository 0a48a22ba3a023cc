/** From the configuration of an instance to what its parts need: parameters of the machine, VIPs, receive checks. */
import type {
  HeartbeatConfig,
  VipConfig,
  VirtualRouteConfig,
  VirtualRuleConfig,
  VrrpConfig,
} from "../config/types-vrrp.ts";
import { assert } from "../lib/result.ts";
import { type AddressScopeName, addressScope } from "../netlink/codec-route.ts";
import { addressBytes, addressText } from "../net/address.ts";
import type { InstanceParams } from "./instance.ts";
import type { PathName } from "./paths.ts";
import { passwordBytes } from "./receive.ts";

/** RFC 9568 §9: the group of all VRRP routers on a link. */
export const MULTICAST_GROUP_IPV4 = Uint8Array.of(224, 0, 0, 18);
export const MULTICAST_GROUP_IPV6 = Uint8Array.of(0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x12);

export interface Vip {
  /** As in the configuration, for messages: `192.0.2.10/24`. */
  readonly text: string;
  readonly address: Uint8Array;
  readonly prefixLength: number;
  readonly interfaceName: string;
  readonly scope: number;
  readonly broadcast: Uint8Array | null;
  readonly label: string | null;
}

export interface InstanceSettings {
  /** An instance keeps its state over a reload while this is the same. */
  readonly identity: string;
  /** Name of the group that it is a member of. */
  readonly group: string | null;
  readonly interfaceName: string;
  readonly virtualRouterId: number;
  /** The macvlan interface that this instance makes; null: none. */
  readonly vmac: VmacSettings | null;
  /** Where adverts are heard, and where they are sent. */
  readonly hears: string;
  readonly speaks: string;
  /** Of adverts, advertised addresses, peers and source; excluded addresses may be of the other. */
  readonly family: 4 | 6;
  /** Where adverts go, unless there are peers. */
  readonly multicastGroup: Uint8Array;
  readonly params: InstanceParams;
  readonly vips: readonly Vip[];
  readonly routes: readonly VirtualRouteConfig[];
  readonly rules: readonly VirtualRuleConfig[];
  /** The advertised addresses, one after the other (excluded ones are not among them). */
  readonly advertised: Uint8Array;
  readonly password: Uint8Array | null;
  /** The password is the key of an authentication header. */
  readonly sealed: boolean;
  readonly peers: readonly Uint8Array[] | null;
  /** Configured source address; null: the interface's own. */
  readonly source: Uint8Array | null;
  /** The second way that adverts go; null: none. */
  readonly heartbeat: HeartbeatSettings | null;
  /** False: the instance's VIPs do not take packets. */
  readonly accept: boolean;
}

export interface HeartbeatSettings {
  readonly interfaceName: string;
  /** Null: the interface's first address. */
  readonly source: Uint8Array | null;
  /** Null: the instance's multicast group. */
  readonly peers: readonly Uint8Array[] | null;
}

/** The interface of a path's adverts; null: there is no second path. Where the main path is heard: `hears`. */
export function speaksOver(settings: InstanceSettings, path: PathName): string | null {
  return path === "main" ? settings.speaks : (settings.heartbeat?.interfaceName ?? null);
}

/** Where adverts go on a path. */
export function destinations(settings: InstanceSettings, path: PathName): readonly Uint8Array[] {
  const peers = path === "main" ? settings.peers : settings.heartbeat?.peers;
  return peers ?? [settings.multicastGroup];
}

export function instanceSettings(config: VrrpConfig): InstanceSettings {
  const home = config.vmac?.name ?? config.interface;
  const advertised = config.addresses.map((vip) => resolveVip(vip, home));
  const excluded = config.excludedAddresses.map((vip) => resolveVip(vip, home));
  const family = config.addresses[0]?.family ?? 4;
  const defaultGroup = family === 4 ? MULTICAST_GROUP_IPV4 : MULTICAST_GROUP_IPV6;
  const source = config.unicast?.source ?? config.multicastSource;
  return {
    group: config.group?.name ?? null,
    identity: `${config.interface}/${config.vmac === undefined ? "" : `${config.vmac.name}/`}${config.virtualRouterId}/v${config.version}${family === 6 ? "/ipv6" : ""}`,
    interfaceName: config.interface,
    virtualRouterId: config.virtualRouterId,
    vmac:
      config.vmac === undefined ? null : { name: config.vmac.name, mac: virtualMac(family, config.virtualRouterId) },
    // A frame from the virtual router's MAC address reaches the macvlan interface of that address only.
    hears: home,
    speaks: config.vmac?.xmitBase === true ? config.interface : home,
    family,
    multicastGroup: config.multicastGroup === undefined ? defaultGroup : addressBytes(config.multicastGroup),
    params: {
      name: config.name,
      interfaceName: config.interface,
      version: config.version,
      basePriority: config.priority,
      advertIntervalMs: config.advertIntervalMs,
      startAsMaster: config.initialState === "master" && config.authType !== "ah",
      preempt: config.preempt,
      preemptDelayMs: config.preemptDelayMs,
      garp: config.garp,
      tracks: [...config.tracks, ...(config.group?.tracks ?? [])],
      grouped: config.group !== undefined,
      startupDelayMs: config.startupDelayMs ?? 0,
      linkUpDelayMs: config.interfaceUpDelayMs ?? 0,
      ...(config.heartbeat === undefined ? {} : { heartbeatInterface: config.heartbeat.interface }),
    },
    vips: [...advertised, ...excluded],
    routes: config.routes ?? [],
    rules: config.rules ?? [],
    advertised: Uint8Array.from(advertised.flatMap((vip) => [...vip.address])),
    password: config.version === 2 && config.authPassword !== null ? passwordBytes(config.authPassword) : null,
    sealed: config.version === 2 && config.authPassword !== null && config.authType === "ah",
    peers: config.unicast === null ? null : config.unicast.peers.map(addressBytes),
    source: source === null ? null : addressBytes(source),
    heartbeat: config.heartbeat === undefined ? null : heartbeatSettings(config.heartbeat),
    accept: config.accept ?? true,
  };
}

function heartbeatSettings({ interface: interfaceName, source, peers }: HeartbeatConfig): HeartbeatSettings {
  return {
    interfaceName,
    source: source === null ? null : addressBytes(source),
    peers: peers === null ? null : peers.map(addressBytes),
  };
}

export interface VmacSettings {
  readonly name: string;
  readonly mac: Uint8Array;
}

/** RFC 9568 §7.3. */
function virtualMac(family: 4 | 6, virtualRouterId: number): Uint8Array {
  return Uint8Array.of(0x00, 0x00, 0x5e, 0x00, family === 4 ? 0x01 : 0x02, virtualRouterId);
}

function resolveVip(vip: VipConfig, interfaceName: string): Vip {
  return {
    text: `${vip.address}/${vip.prefixLength}`,
    address: addressBytes(vip.address),
    prefixLength: vip.prefixLength,
    interfaceName: vip.dev ?? interfaceName,
    scope: scopeNumber(vip.scope),
    broadcast: vip.broadcast === null ? null : addressBytes(vip.broadcast),
    label: vip.label,
  };
}

function scopeNumber(scope: string | null): number {
  if (scope === null) return addressScope.global;
  const named = addressScope[scope as AddressScopeName];
  const value = named ?? Number(scope);
  assert(Number.isInteger(value) && value >= 0 && value <= 255, `vrrp: "${scope}" is not an address scope`);
  return value;
}

/** Whether a reload changes nothing for the instance. */
export function sameSettings(a: InstanceSettings, b: InstanceSettings): boolean {
  return JSON.stringify(plain(a)) === JSON.stringify(plain(b));
}

/** Settings as comparable data: byte arrays as text. */
function plain(settings: InstanceSettings): unknown {
  const bytes = (value: Uint8Array | null): string | null => value?.join(".") ?? null;
  return {
    ...settings,
    vmac: settings.vmac?.name ?? null,
    multicastGroup: bytes(settings.multicastGroup),
    advertised: bytes(settings.advertised),
    password: bytes(settings.password),
    peers: settings.peers?.map(addressText) ?? null,
    source: bytes(settings.source),
    heartbeat: settings.heartbeat && {
      ...settings.heartbeat,
      source: bytes(settings.heartbeat.source),
      peers: settings.heartbeat.peers?.map(addressText) ?? null,
    },
    vips: settings.vips.map((vip) => ({ ...vip, address: bytes(vip.address), broadcast: bytes(vip.broadcast) })),
  };
}
