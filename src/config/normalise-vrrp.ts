/** [vrrp.NAME]. */
import { parseIp } from "../lib/ip.ts";
import type { NormaliseContext } from "./normalise-context.ts";
import { isWritten, pick } from "./normalise-context.ts";
import type { Path } from "./schema-issue.ts";
import { plain } from "./schema-table.ts";
import type { At, Decoded, NamedAt } from "./schema-type.ts";
import { authRows, garpRows, vipRows, vrrpRows } from "./schema-vrrp.ts";
import type { SecretSource } from "./schema-vrrp.ts";
import { normaliseForwarding } from "./normalise-forward.ts";
import { normaliseGroups } from "./normalise-group.ts";
import { normaliseAccept, normaliseHeartbeat } from "./normalise-heartbeat.ts";
import { normaliseNotify } from "./normalise-notify.ts";
import { normaliseScripts, normaliseTrack, type ScriptEntry } from "./normalise-track.ts";
import type { VipConfig, VmacConfig, VrrpConfig, VrrpGroupConfig } from "./types-vrrp.ts";

type WrittenVrrp = Decoded<typeof vrrpRows>;

/** RFC 2338, section 5.3.10: eight bytes of authentication data; keepalived cuts longer ones, too. */
const PASSWORD_BYTES_MAX = 8;
/** RFC 9568, section 5.2.7: twelve bits of centiseconds. */
const V3_INTERVAL_MS_MAX = 40_950;
/** An advert of 1500 bytes without the IPv6 and VRRP headers: adverts are not fragmented. */
const IPV6_ADDRESSES_MAX = 90;

/** All instances, with scripts and groups resolved. */
export function normaliseVrrp(context: NormaliseContext): readonly VrrpConfig[] {
  const scripts = normaliseScripts(context);
  const groups = normaliseGroups(scripts, context);
  const instances = (context.document.vrrp ?? []).flatMap((item) => normaliseInstance(item, scripts, groups, context));
  for (const instance of instances) vmacIsUnique(instance, instances, context);
  return instances;
}

/** The same VRID may be in use on two networks, and then both would call their interface alike. */
function vmacIsUnique(instance: VrrpConfig, instances: readonly VrrpConfig[], context: NormaliseContext): void {
  const name = instance.vmac?.name;
  const first = instances.find((other) => other.vmac?.name === name);
  const at = context.origins.get(instance);
  if (name === undefined || first === undefined || first === instance || at === undefined) return;
  const help = 'write a name: use_vmac = "NAME"';
  context.sink.error([...at, "use_vmac"], `${name} is the interface of [vrrp.${first.name}] already`, { help });
}

function normaliseInstance(
  item: NamedAt<WrittenVrrp>,
  scripts: ReadonlyMap<string, ScriptEntry>,
  groups: ReadonlyMap<string, VrrpGroupConfig>,
  context: NormaliseContext,
): readonly VrrpConfig[] {
  const { name, at, value } = item;
  const group = groups.get(name);
  if (value.interface === undefined || value.virtual_router_id === undefined) return [];
  const family = familyOf(value, at, context);
  const version = value.version === 3 || (value.version === undefined && family === 6) ? 3 : 2;
  if (version === 2 && family === 6) {
    context.sink.error([...at, "version"], "version 2 has no IPv6", { help: "use version = 3, or leave it out" });
  }
  const garp = value.garp ?? {};
  const notify = normaliseNotify(value.notify, [...at, "notify"], context);
  const instance: VrrpConfig = {
    name,
    interface: value.interface,
    virtualRouterId: value.virtual_router_id,
    priority: pick(vrrpRows.priority, value.priority),
    version,
    advertIntervalMs: advertInterval(version, value, at, context),
    initialState: pick(vrrpRows.state, value.state),
    preempt: pick(vrrpRows.preempt, value.preempt),
    preemptDelayMs: pick(vrrpRows.preempt_delay, value.preempt_delay),
    addresses: (value.addresses ?? []).flatMap((vip) => normaliseVip(vip)),
    excludedAddresses: (value.excluded_addresses ?? []).flatMap((vip) => normaliseVip(vip)),
    authPassword: password(version, value, at, context),
    ...authentication(version, value, at, context),
    unicast: unicast(value, at, context),
    multicastSource: value.multicast_source ?? null,
    ...(value.multicast_group === undefined ? {} : { multicastGroup: value.multicast_group }),
    ...normaliseForwarding(value, value.interface, context),
    ...vmac(value, family, at, context),
    ...normaliseAccept(value, at, context),
    ...normaliseHeartbeat(value, family, at, context),
    startupDelayMs: pick(vrrpRows.startup_delay, value.startup_delay),
    interfaceUpDelayMs: pick(vrrpRows.interface_up_delay, value.interface_up_delay),
    garp: {
      delayMs: pick(garpRows.delay, garp.delay),
      repeat: pick(garpRows.repeat, garp.repeat),
      refreshMs: pick(garpRows.refresh, garp.refresh),
      lowerPriorityRepeat: pick(garpRows.lower_priority_repeat, garp.lower_priority_repeat),
      lowerPriorityDelayMs: garp.lower_priority_delay ?? pick(garpRows.delay, garp.delay),
      refreshRepeat: pick(garpRows.refresh_repeat, garp.refresh_repeat),
      intervalMs: pick(garpRows.interval, garp.interval),
    },
    tracks: (value.track ?? []).flatMap((track) => normaliseTrack(track, scripts, context)),
    ...(group === undefined ? {} : { group }),
    ...(notify === undefined ? {} : { notify }),
  };
  context.origins.set(instance, at);
  return [instance];
}

function advertInterval(version: 2 | 3, value: WrittenVrrp, at: Path, context: NormaliseContext): number {
  const intervalMs = pick(vrrpRows.advert_interval, value.advert_interval);
  const place = [...at, "advert_interval"];
  if (version === 2 && intervalMs % 1000 !== 0) {
    context.sink.error(place, "version 2 counts whole seconds", { help: "use version = 3 for shorter intervals" });
  }
  if (version === 3 && (intervalMs % 10 !== 0 || intervalMs > V3_INTERVAL_MS_MAX)) {
    context.sink.error(place, "version 3 takes steps of 10ms up to 40950ms", { found: `${intervalMs}ms` });
  }
  return intervalMs;
}

/** RFC 9568, section 5.2.9: one family to an instance; the first address says which. */
function familyOf(value: WrittenVrrp, at: Path, context: NormaliseContext): 4 | 6 {
  const vips = value.addresses ?? [];
  const family = vips[0]?.value.address?.family ?? 4;
  for (const vip of vips) {
    const address = vip.value.address;
    if (address === undefined || address.family === family) continue;
    const message = `${address.address} is IPv${address.family} in an instance that begins with IPv${family}`;
    const help = "give it an instance of its own, or move it to excluded_addresses";
    context.sink.error(vip.at, message, { help });
  }
  if (family === 6 && vips.length > IPV6_ADDRESSES_MAX) {
    const message = `${vips.length} addresses do not fit into one packet; at most ${IPV6_ADDRESSES_MAX} do`;
    context.sink.error([...at, "addresses"], message, { mark: "key", help: "move the rest to excluded_addresses" });
  }
  const others = [
    [["multicast_source"], value.multicast_source],
    [["multicast_group"], value.multicast_group],
    [["unicast", "source"], value.unicast?.source],
    ...plain(value.unicast?.peers).map((peer, index) => [["unicast", "peers", index], peer] as const),
  ] as const;
  for (const [path, text] of others) {
    if (text === undefined || (text.includes(":") ? 6 : 4) === family) continue;
    context.sink.error([...at, ...path], `${text} does not fit the instance, whose addresses are IPv${family}`);
  }
  if (value.multicast_group !== undefined && !isMulticast(value.multicast_group)) {
    context.sink.error([...at, "multicast_group"], `${value.multicast_group} is not a multicast address`);
  }
  return family;
}

/**
 * keepalived's name is vrrp.VRID; here as well, so that scripts find it. For IPv6 always vrrp6.VRID, which keepalived
 * chooses only beside an IPv4 instance of the same VRID: what an interface is called must not hang on another instance.
 */
function vmac(value: WrittenVrrp, family: 4 | 6, at: Path, context: NormaliseContext): { readonly vmac?: VmacConfig } {
  const wish = pick(vrrpRows.use_vmac, value.use_vmac);
  if (wish === false) {
    if (value.vmac_xmit_base === true) {
      context.sink.error([...at, "vmac_xmit_base"], "has no meaning without use_vmac", { mark: "key" });
    }
    return {};
  }
  if (value.unicast !== undefined) {
    context.sink.error(
      [...at, "use_vmac"],
      "does not go with unicast peers: adverts must come from the real interface",
      {
        help: "remove one of the two",
      },
    );
  }
  const prefix = family === 4 ? "vrrp" : "vrrp6";
  const name = typeof wish === "string" ? wish : `${prefix}.${value.virtual_router_id ?? 0}`;
  if (name === value.interface) context.sink.error([...at, "use_vmac"], `${name} is the real interface`);
  return { vmac: { name, xmitBase: pick(vrrpRows.vmac_xmit_base, value.vmac_xmit_base) } };
}

function isMulticast(text: string): boolean {
  const first = parseIp(text)?.bytes[0] ?? 0;
  return text.includes(":") ? first === 0xff : first >= 224 && first <= 239;
}

function normaliseVip(item: At<Decoded<typeof vipRows>>): readonly VipConfig[] {
  const { address, dev, label, scope, broadcast } = item.value;
  if (address === undefined) return [];
  return [
    {
      ...address,
      dev: dev ?? null,
      label: label ?? null,
      scope: scope ?? null,
      broadcast: broadcast ?? null,
    },
  ];
}

function password(version: 2 | 3, value: WrittenVrrp, at: Path, context: NormaliseContext): string | null {
  if (value.auth === undefined) return null;
  if (version === 3) {
    const help = "remove it, or use version = 2";
    context.sink.error([...at, "auth"], "version 3 has no authentication (RFC 9568, section 9)", { mark: "key", help });
    return null;
  }
  if (value.auth.password === undefined) return null;
  const place = [...at, "auth", "password"];
  const text = resolveSecret(value.auth.password, place, context);
  if (text === null) return null;
  const bytes = new TextEncoder().encode(text);
  if (bytes.length === text.length && /^[\u0020-\u007e]+$/.test(text)) {
    if (bytes.length > PASSWORD_BYTES_MAX) {
      context.sink.warn(
        place,
        `has ${bytes.length} bytes; only the first ${PASSWORD_BYTES_MAX} count, as in keepalived`,
      );
    }
    return text.slice(0, PASSWORD_BYTES_MAX);
  }
  context.sink.error(place, "has characters outside printable ASCII");
  return null;
}

/** Absent for the usual kind. */
function authentication(
  version: 2 | 3,
  value: WrittenVrrp,
  at: Path,
  context: NormaliseContext,
): Pick<VrrpConfig, "authType"> {
  if (version === 3 || value.auth === undefined || pick(authRows.type, value.auth.type) === "pass") return {};
  if (pick(vrrpRows.state, value.state) === "master") {
    // As keepalived: a node that has heard nobody does not know the sequence number to go on from.
    const help = 'use state = "backup"; the priority decides who begins';
    context.sink.warn([...at, "state"], 'has no effect with auth.type = "ah": this node listens first', { help });
  }
  return { authType: "ah" };
}

/** The secret's text; a file's last line break does not count. */
export function resolveSecret(source: SecretSource, at: Path, context: NormaliseContext): string | null {
  switch (source.kind) {
    case "text":
      return source.text;
    case "env": {
      const value = context.environment.env[source.name];
      if (value !== undefined && value !== "") return value;
      context.sink.error(at, `environment variable ${source.name} is not set`);
      return null;
    }
    case "file": {
      const read = context.environment.readFile(source.path);
      const text = read.ok ? read.value.replace(/\r?\n$/, "") : "";
      if (text !== "") return text;
      context.sink.error(at, `cannot read the secret from ${source.path}: ${read.ok ? "it is empty" : read.error}`);
      return null;
    }
  }
}

function unicast(value: WrittenVrrp, at: Path, context: NormaliseContext): VrrpConfig["unicast"] {
  if (value.unicast === undefined) return null;
  const { source = null } = value.unicast;
  const peers = plain(value.unicast.peers);
  const place = [...at, "unicast", "peers"];
  if (value.unicast.peers?.length === 0 && !isWritten(context, [...place, 0]))
    context.sink.error(place, "names no peer");
  if (source !== null && peers.includes(source)) context.sink.error(place, `has its own source ${source}`);
  if (new Set(peers).size < peers.length) context.sink.error(place, "has a peer twice");
  return { source, peers };
}
