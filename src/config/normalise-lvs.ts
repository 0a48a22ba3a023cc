/** [virtual_server.NAME], [ipvs] and [realserver]. */
import { didYouMean } from "../lib/suggest.ts";
import type { NormaliseContext } from "./normalise-context.ts";
import { isWritten, pick } from "./normalise-context.ts";
import { lvsCheck } from "./normalise-lvs-check.ts";
import { requireUser } from "./normalise-program.ts";
import { persistenceOf, schedulerFlags, tunnelOf, wholeSeconds } from "./normalise-lvs-service.ts";
import type { Path } from "./schema-issue.ts";
import { ipvsRows, lvsNotifyRows, realServerRows, realserverRows, syncRows, virtualServerRows } from "./schema-lvs.ts";
import { plain } from "./schema-table.ts";
import type { At, Decoded, NamedAt } from "./schema-type.ts";
import type {
  LvsCommandConfig,
  LvsConfig,
  LvsNotifyConfig,
  LvsServiceAddress,
  LvsSyncConfig,
  RealServerConfig,
  RealserverConfig,
  VirtualServerConfig,
} from "./types-lvs.ts";

type WrittenVirtual = Decoded<typeof virtualServerRows>;
type WrittenReal = Decoded<typeof realServerRows>;

export function normaliseLvs(context: NormaliseContext): LvsConfig | undefined {
  const { virtual_server: written = [], ipvs } = context.document;
  if (written.length === 0 && ipvs === undefined) return undefined;
  const timeouts = ipvs?.timeouts;
  const place = ["ipvs", "timeouts"];
  return {
    virtualServers: written.map((item) => virtualServer(item, context)),
    sync: ipvs?.sync === undefined ? null : syncOf(ipvs.sync, context),
    timeouts: {
      tcpSeconds: wholeSeconds(timeouts?.tcp ?? 0, [...place, "tcp"], context),
      tcpFinSeconds: wholeSeconds(timeouts?.tcp_fin ?? 0, [...place, "tcp_fin"], context),
      udpSeconds: wholeSeconds(timeouts?.udp ?? 0, [...place, "udp"], context),
    },
    onStop: pick(ipvsRows.on_stop, ipvs?.on_stop),
    drainTimeoutMs: pick(ipvsRows.drain_timeout, ipvs?.drain_timeout),
  };
}

export function normaliseRealserver(context: NormaliseContext): RealserverConfig | undefined {
  const written = context.document.realserver;
  if (written === undefined) return undefined;
  const at = ["realserver", "vips"];
  const vips = plain(written.vips);
  if (written.vips?.length === 0 && !isWritten(context, [...at, 0])) context.sink.error(at, "names no address");
  if (new Set(vips).size < vips.length) context.sink.error(at, "has an address twice");
  return { vips, interface: pick(realserverRows.interface, written.interface) };
}

function virtualServer(item: NamedAt<WrittenVirtual>, context: NormaliseContext): VirtualServerConfig {
  const { name, at, value } = item;
  const services = serviceAddresses(item, context);
  const scheduler = pick(virtualServerRows.scheduler, value.scheduler);
  const config: VirtualServerConfig = {
    name,
    services,
    scheduler,
    schedulerFlags: schedulerFlags(scheduler, value, context),
    forward: pick(virtualServerRows.forward, value.forward),
    tunnel: tunnelOf(value, at, context),
    persistence: persistenceOf(value, services, at, context),
    onePacket: pick(virtualServerRows.one_packet, value.one_packet),
    quorum: pick(virtualServerRows.quorum, value.quorum),
    hysteresis: pick(virtualServerRows.hysteresis, value.hysteresis),
    sorryServer: value.sorry_server ?? null,
    sorryServerInhibit: pick(virtualServerRows.sorry_server_inhibit, value.sorry_server_inhibit),
    inhibitOnFailure: pick(virtualServerRows.inhibit_on_failure, value.inhibit_on_failure),
    alpha: pick(virtualServerRows.alpha, value.alpha),
    omega: pick(virtualServerRows.omega, value.omega),
    haSuspend: pick(virtualServerRows.ha_suspend, value.ha_suspend),
    realServers: (value.real_servers ?? []).flatMap((real) => realServer(real, value.check, services, context)),
    notify: notifyOf(value.notify, [...at, "notify"], context),
  };
  context.origins.set(config, at);
  return config;
}

function serviceAddresses(
  { at, value }: NamedAt<WrittenVirtual>,
  context: NormaliseContext,
): readonly LvsServiceAddress[] {
  const { sink } = context;
  const keys = (["address", "addresses", "fwmark"] as const).filter((key) => isWritten(context, [...at, key]));
  const [first, second] = keys;
  if (first === undefined) {
    sink.error(at, 'has no address: "address", "addresses" or "fwmark" is missing', { mark: "key" });
  }
  if (second !== undefined) sink.error([...at, second], `"${first}" is there already`, { mark: "key" });
  const protocol = pick(virtualServerRows.protocol, value.protocol);
  if (value.fwmark !== undefined) {
    const guessed = value.real_servers?.[0]?.value.address?.family ?? 4;
    const family = value.family === undefined ? guessed : value.family === "ipv6" ? 6 : 4;
    return [{ kind: "fwmark", family, fwmark: value.fwmark }];
  }
  if (value.family !== undefined) sink.error([...at, "family"], "is for fwmark only", { mark: "key" });
  const single = value.address === undefined ? [] : [{ at: [...at, "address"], value: value.address }];
  return [...single, ...(value.addresses ?? [])].flatMap(({ at: place, value: { family, address, port } }) => {
    if (port !== null) return [{ kind: "address" as const, protocol, family, address, port }];
    const help = `such as "${family === 6 ? `[${address}]` : address}:80"`;
    sink.error(place, `"${address}" has no port`, { help });
    return [];
  });
}

function realServer(
  { at, value }: At<WrittenReal>,
  check: WrittenVirtual["check"],
  services: readonly LvsServiceAddress[],
  context: NormaliseContext,
): readonly RealServerConfig[] {
  const { address } = value;
  if (address === undefined) return [];
  const text = address.family === 6 ? `[${address.address}]` : address.address;
  const [service] = services;
  const port = address.port ?? (service?.kind === "address" ? service.port : 0);
  const server = { family: address.family, host: address.address, port };
  const config: RealServerConfig = {
    name: value.name ?? (address.port === null ? text : `${text}:${address.port}`),
    address,
    weight: pick(realServerRows.weight, value.weight),
    upperThreshold: pick(realServerRows.upper_threshold, value.upper_threshold),
    lowerThreshold: pick(realServerRows.lower_threshold, value.lower_threshold),
    check: lvsCheck([check, value.check], server, at, context),
  };
  context.origins.set(config, at);
  return [config];
}

function notifyOf(
  value: Decoded<typeof lvsNotifyRows> | undefined,
  at: Path,
  context: NormaliseContext,
): LvsNotifyConfig | null {
  if (value === undefined) return null;
  requireUser(value.user, [...at, "user"], context);
  const hook = (command: readonly string[] | undefined): LvsCommandConfig | null =>
    command === undefined ? null : { command, user: value.user ?? null };
  return {
    up: hook(value.up),
    down: hook(value.down),
    quorumUp: hook(value.quorum_up),
    quorumDown: hook(value.quorum_down),
    timeoutMs: pick(lvsNotifyRows.timeout, value.timeout),
  };
}

function syncOf(value: Decoded<typeof syncRows>, context: NormaliseContext): LvsSyncConfig | null {
  const names = (context.document.vrrp ?? []).map((item) => item.name);
  const { follows = null } = value;
  if (follows !== null && !names.includes(follows)) {
    const message = `no VRRP instance is named "${follows}"${didYouMean(follows, names)}`;
    context.sink.error(["ipvs", "sync", "follows"], message, { found: follows });
  }
  if (value.interface === undefined) return null;
  return { interface: value.interface, id: pick(syncRows.id, value.id), follows };
}
