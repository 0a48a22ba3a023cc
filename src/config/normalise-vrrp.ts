/** [vrrp.NAME]. */
import type { NormaliseContext } from "./normalise-context.ts";
import { isWritten, pick } from "./normalise-context.ts";
import type { Path } from "./schema-issue.ts";
import { plain } from "./schema-table.ts";
import type { At, Decoded, NamedAt } from "./schema-type.ts";
import { garpRows, trackRows, vipRows, vrrpRows } from "./schema-vrrp.ts";
import type { SecretSource } from "./schema-vrrp.ts";
import type { TrackConfig, VipConfig, VrrpConfig } from "./types.ts";

type WrittenVrrp = Decoded<typeof vrrpRows>;

/** RFC 2338, section 5.3.10: eight bytes of authentication data; keepalived cuts longer ones, too. */
const PASSWORD_BYTES_MAX = 8;
/** RFC 9568, section 5.2.7: twelve bits of centiseconds. */
const V3_INTERVAL_MS_MAX = 40_950;

export function normaliseVrrp(item: NamedAt<WrittenVrrp>, context: NormaliseContext): readonly VrrpConfig[] {
  const { name, at, value } = item;
  if (value.interface === undefined || value.virtual_router_id === undefined) return [];
  const version = pick(vrrpRows.version, value.version) === 3 ? 3 : 2;
  const garp = value.garp ?? {};
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
    unicast: unicast(value, at, context),
    multicastSource: value.multicast_source ?? null,
    garp: {
      delayMs: pick(garpRows.delay, garp.delay),
      repeat: pick(garpRows.repeat, garp.repeat),
      refreshMs: pick(garpRows.refresh, garp.refresh),
      lowerPriorityRepeat: pick(garpRows.lower_priority_repeat, garp.lower_priority_repeat),
    },
    tracks: (value.track ?? []).flatMap((track) => normaliseTrack(track, context)),
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

function normaliseVip(item: At<Decoded<typeof vipRows>>): readonly VipConfig[] {
  const { address, dev, label, scope, broadcast } = item.value;
  if (address === undefined) return [];
  return [
    {
      family: 4,
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

function normaliseTrack(item: At<Decoded<typeof trackRows>>, context: NormaliseContext): readonly TrackConfig[] {
  const { proxy, interface: name } = item.value;
  const weight = pick(trackRows.weight, item.value.weight);
  if (proxy !== undefined && name !== undefined) {
    context.sink.error(item.at, "tracks a proxy and an interface", { help: "write one entry for each" });
    return [];
  }
  if (proxy !== undefined) return [{ kind: "proxy", weight }];
  if (name !== undefined) return [{ kind: "interface", name, weight }];
  const reported = context.sink.drafts.some(
    (draft) => draft.at.length > item.at.length && item.at.every((step, i) => draft.at[i] === step),
  );
  if (!reported) context.sink.error(item.at, "tracks nothing; name proxy = true or an interface");
  return [];
}
