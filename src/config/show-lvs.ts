/** [virtual_server.NAME], [ipvs] and [realserver] as the document that would produce them. */
import { formatDurationMs } from "../lib/units.ts";
import { tlsTree } from "./normalise-check-tls.ts";
import type {
  LvsCheckConfig,
  LvsCommandConfig,
  LvsConfig,
  LvsNotifyConfig,
  LvsPageConfig,
  LvsServerAddress,
  LvsServiceAddress,
  RealServerConfig,
  RealserverConfig,
  VirtualServerConfig,
} from "./types-lvs.ts";

type Tree = Record<string, unknown>;

export function virtualServersTree(lvs: LvsConfig | undefined): Tree | undefined {
  if (lvs === undefined || lvs.virtualServers.length === 0) return undefined;
  return Object.fromEntries(lvs.virtualServers.map((virtual) => [virtual.name, virtualTree(virtual)]));
}

export function ipvsTree(lvs: LvsConfig | undefined): Tree | undefined {
  if (lvs === undefined) return undefined;
  const { sync, timeouts } = lvs;
  return {
    sync: sync === null ? undefined : { interface: sync.interface, id: sync.id, follows: sync.follows ?? undefined },
    timeouts: {
      tcp: secondsText(timeouts.tcpSeconds),
      tcp_fin: secondsText(timeouts.tcpFinSeconds),
      udp: secondsText(timeouts.udpSeconds),
    },
    on_stop: lvs.onStop,
    drain_timeout: formatDurationMs(lvs.drainTimeoutMs),
  };
}

export function realserverTree(realserver: RealserverConfig | undefined): Tree | undefined {
  return realserver === undefined ? undefined : { vips: [...realserver.vips], interface: realserver.interface };
}

function virtualTree(virtual: VirtualServerConfig): Tree {
  const { persistence, tunnel } = virtual;
  return {
    ...servicesTree(virtual.services),
    scheduler: virtual.scheduler,
    scheduler_flags: [...virtual.schedulerFlags],
    forward: virtual.forward,
    tunnel:
      virtual.forward === "tun"
        ? { type: tunnel.type, port: tunnel.port === 0 ? undefined : tunnel.port, checksum: tunnel.checksum }
        : undefined,
    persistence: formatDurationMs((persistence?.timeoutSeconds ?? 0) * 1000),
    persistence_netmask: persistence?.netmask,
    one_packet: virtual.onePacket,
    quorum: virtual.quorum,
    hysteresis: virtual.hysteresis,
    sorry_server: virtual.sorryServer === null ? undefined : serverText(virtual.sorryServer),
    sorry_server_inhibit: virtual.sorryServerInhibit,
    inhibit_on_failure: virtual.inhibitOnFailure,
    alpha: virtual.alpha,
    omega: virtual.omega,
    ha_suspend: virtual.haSuspend,
    real_servers: virtual.realServers.map(realTree),
    notify: virtual.notify === null ? undefined : notifyTree(virtual.notify),
  };
}

/** All addresses of one virtual server have its protocol. */
function servicesTree(services: readonly LvsServiceAddress[]): Tree {
  const [first] = services;
  if (first?.kind === "fwmark") return { fwmark: first.fwmark, family: `ipv${first.family}` };
  const addresses = services.flatMap((service) => (service.kind === "address" ? [serverText(service)] : []));
  return { addresses, protocol: first?.protocol };
}

function realTree(real: RealServerConfig): Tree {
  const address = serverText(real.address);
  return {
    // A name that is the address may have characters that a written name may not.
    name: real.name === address ? undefined : real.name,
    address,
    weight: real.weight,
    upper_threshold: real.upperThreshold,
    lower_threshold: real.lowerThreshold,
    check: real.check === null ? false : checkTree(real.check),
  };
}

function checkTree(check: LvsCheckConfig): Tree {
  const { target } = check;
  return {
    ...probeTree(check.probe),
    tls: tlsTree(check.tls),
    address: target.kind === "inet" ? target.host : undefined,
    port: target.kind === "inet" && target.port !== 0 ? target.port : undefined,
    interval: formatDurationMs(check.intervalMs),
    timeout: formatDurationMs(check.timeoutMs),
    retry: check.retry,
    delay_before_retry: formatDurationMs(check.retryDelayMs),
  };
}

function probeTree(probe: LvsCheckConfig["probe"]): Tree {
  switch (probe.kind) {
    case "tcp":
      return { tcp: true };
    case "http":
      return { http: probe.pages.map(pageTree) };
    case "ping":
      return { ping: true };
    case "udp":
      return { udp: true };
    case "dns":
      return { dns: { name: probe.name, type: probe.type } };
    case "smtp":
      return { smtp: probe.helo };
    case "file":
      return { file: { path: probe.path, weight: probe.weight } };
    case "script":
      return { script: [...probe.script.command], user: probe.script.user ?? undefined, dynamic: probe.dynamic };
  }
}

function pageTree(page: LvsPageConfig): Tree {
  return {
    request: `${page.method} ${page.target}`,
    host: page.host ?? undefined,
    expect: page.expect.map(([low, high]) => (low === high ? `${low}` : `${low}-${high}`)).join(","),
    digest: page.digest ?? undefined,
    regex: page.regex?.source,
    regex_no_match: page.regex === null ? undefined : !page.regex.mustMatch,
  };
}

/** One user runs them all. */
function notifyTree(notify: LvsNotifyConfig): Tree {
  const words = (hook: LvsCommandConfig | null): readonly string[] | undefined =>
    hook === null ? undefined : [...hook.command];
  const [first] = [notify.up, notify.down, notify.quorumUp, notify.quorumDown].filter((hook) => hook !== null);
  return {
    up: words(notify.up),
    down: words(notify.down),
    quorum_up: words(notify.quorumUp),
    quorum_down: words(notify.quorumDown),
    user: first?.user ?? undefined,
    timeout: formatDurationMs(notify.timeoutMs),
  };
}

function serverText({ family, address, port }: LvsServerAddress): string {
  const host = family === 6 ? `[${address}]` : address;
  return port === null ? host : `${host}:${port}`;
}

function secondsText(seconds: number): string | undefined {
  return seconds === 0 ? undefined : formatDurationMs(seconds * 1000);
}
