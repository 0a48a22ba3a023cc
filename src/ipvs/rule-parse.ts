/**
 * The language of ipvsadm(8), ipvsadm-save and -restore: one command a line, with or without the word "ipvsadm".
 *
 *   -A|-E SERVICE [-s SCHEDULER] [-b FLAGS] [-p [SECONDS]] [-M NETMASK] [-o] [--pe ENGINE]      -D SERVICE
 *   -a|-e SERVICE -r SERVER [-g|-i|-m] [-w WEIGHT] [-x UPPER] [-y LOWER] [--tun-type T …]       -d SERVICE -r SERVER
 *   SERVICE: -t|-u|--sctp-service ADDRESS:PORT, or -f MARK [-6]
 *   -Z [SERVICE]   -C   --set TCP TCPFIN UDP   --start-daemon|--stop-daemon ROLE [--mcast-interface IF] [--syncid N] …
 */
import { formatIp, parseIp } from "../lib/ip.ts";
import { err, ok, type Result } from "../lib/result.ts";
import { NAME_BYTES_MAX } from "./constants.ts";
import type { DaemonRole, Destination, Family, Forward, IpvsCommand, Service, ServiceId, SyncDaemon } from "./model.ts";
import type { Protocol, Tunnel, TunnelChecksum, TunnelType } from "./model.ts";
import { fullNetmask, NO_TUNNEL } from "./model.ts";
import { type Found, nearest, takeOptions } from "./rule-options.ts";
import { schedulerFlagsOf } from "./scheduler-flags.ts";

/** ipvsadm(8): what is used where nothing is said. */
const DEFAULTS = { scheduler: "wlc", persistenceSeconds: 360, weight: 1 } as const;
/** The kernel's limits: 31 days of persistence (ipvsadm), weights that schedulers multiply without overflow. */
const PERSISTENCE_SECONDS_MAX = 31 * 86_400;
const WEIGHT_MAX = 65_535;
const U32_MAX = 0xffffffff;
/** A line is a command, not a document. */
const LINE_LENGTH_MAX = 4096;

type Verb = IpvsCommand["kind"];

const verbs: Readonly<Record<string, Verb>> = {
  "-A": "add_service",
  "--add-service": "add_service",
  "-E": "edit_service",
  "--edit-service": "edit_service",
  "-D": "delete_service",
  "--delete-service": "delete_service",
  "-a": "add_destination",
  "--add-server": "add_destination",
  "-e": "edit_destination",
  "--edit-server": "edit_destination",
  "-d": "delete_destination",
  "--delete-server": "delete_destination",
  "-Z": "zero",
  "--zero": "zero",
  "-C": "flush",
  "--clear": "flush",
  "--set": "set_timeouts",
  "--start-daemon": "start_daemon",
  "--stop-daemon": "stop_daemon",
};

/** Error: what is wrong with the line, as a sentence's end. */
export function parseRule(line: string): Result<IpvsCommand, string> {
  if (line.length > LINE_LENGTH_MAX) return err(`is longer than ${LINE_LENGTH_MAX} characters`);
  const words = line.trim().split(/\s+/);
  if (words[0] === "ipvsadm" || words[0]?.endsWith("/ipvsadm")) words.shift();
  const verb = verbs[words[0] ?? ""];
  if (verb === undefined)
    return err(`"${words[0] ?? ""}" is no command of ipvsadm${nearest(words[0] ?? "", Object.keys(verbs))}`);
  words.shift();
  if (verb === "set_timeouts") return parseTimeouts(words);
  const role = verb === "start_daemon" || verb === "stop_daemon" ? words.shift() : undefined;
  const found = takeOptions(words);
  if (!found.ok) return found;
  if (role !== undefined || verb === "start_daemon" || verb === "stop_daemon") {
    const kind = verb === "stop_daemon" ? verb : "start_daemon";
    const daemon = parseDaemon(role ?? "", found.value);
    return daemon.ok ? ok({ kind, daemon: daemon.value }) : daemon;
  }
  return parseTableRule(verb, found.value);
}

export interface RuleProblem {
  /** From 1. */
  readonly line: number;
  readonly text: string;
}

/** A file of ipvsadm-save: blank lines and # comments are skipped, every problem is reported. */
export function parseRules(text: string): {
  readonly commands: readonly IpvsCommand[];
  readonly problems: readonly RuleProblem[];
} {
  const commands: IpvsCommand[] = [];
  const problems: RuleProblem[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (/^\s*(?:#.*)?$/.test(line)) continue;
    const parsed = parseRule(line);
    if (parsed.ok) commands.push(parsed.value);
    else problems.push({ line: index + 1, text: parsed.error });
  }
  return { commands, problems };
}

function parseTableRule(
  verb: Exclude<Verb, "set_timeouts" | "start_daemon" | "stop_daemon">,
  found: Found,
): Result<IpvsCommand, string> {
  if (verb === "flush") return ok({ kind: "flush" });
  const isWhole = verb === "zero" && !serviceOptions.some((key) => found.has(key));
  if (verb === "zero" && isWhole) return ok({ kind: "zero", id: null });
  const id = parseServiceId(found);
  if (!id.ok) return id;
  switch (verb) {
    case "zero":
    case "delete_service":
      return ok({ kind: verb, id: id.value });
    case "add_service":
    case "edit_service": {
      const service = parseService(id.value, found);
      return service.ok ? ok({ kind: verb, service: service.value }) : service;
    }
    case "add_destination":
    case "edit_destination":
    case "delete_destination": {
      const destination = parseDestination(id.value, found);
      return destination.ok ? ok({ kind: verb, id: id.value, destination: destination.value }) : destination;
    }
  }
}

const serviceOptions = ["tcp", "udp", "sctp", "fwmark"] as const;

function parseServiceId(found: Found): Result<ServiceId, string> {
  const named = serviceOptions.filter((key) => found.has(key));
  if (named.length !== 1) return err("names no service, or several: one of -t, -u, --sctp-service, -f is wanted");
  const [kind] = named;
  const text = found.get(kind) ?? "";
  if (kind === "fwmark") {
    const fwmark = wholeNumber(text, 1, U32_MAX);
    if (fwmark === null) return err(`-f wants a mark from 1 to ${U32_MAX}, found "${text}"`);
    return ok({ kind: "fwmark", family: found.has("ipv6") ? 6 : 4, fwmark });
  }
  const endpoint = parseEndpoint(text, 0);
  if (endpoint === null) return err(`"${text}" is not ADDRESS:PORT, such as 192.0.2.1:80 or [2001:db8::1]:80`);
  const protocol: Protocol = kind;
  return ok({ kind: "address", protocol, ...endpoint });
}

function parseService(id: ServiceId, found: Found): Result<Service, string> {
  const scheduler = found.get("scheduler") ?? DEFAULTS.scheduler;
  if (!isName(scheduler)) return err(`"${scheduler}" cannot be the name of a scheduler`);
  const flags = schedulerFlagsOf(scheduler, found.get("flags") ?? "");
  if (!flags.ok) return flags;
  const written = found.get("persistent");
  const netmask = parseNetmask(id.family, found.get("netmask"));
  if (!netmask.ok) return netmask;
  const timeoutSeconds = wholeNumber(
    written === "" ? String(DEFAULTS.persistenceSeconds) : (written ?? "1"),
    1,
    PERSISTENCE_SECONDS_MAX,
  );
  if (timeoutSeconds === null) return err(`-p wants 1 to ${PERSISTENCE_SECONDS_MAX} seconds, found "${written}"`);
  const engine = found.get("engine") ?? null;
  if (engine !== null && !isName(engine)) return err(`"${engine}" cannot be the name of a persistence engine`);
  const isPersistent = written !== undefined || engine !== null;
  const onePacket = found.has("onePacket");
  if (onePacket && id.kind === "address" && id.protocol !== "udp") return err("-o is for UDP services only");
  if (id.kind === "address" && id.port === 0 && !isPersistent) {
    return err("port 0 (all ports) needs a persistent service: add -p");
  }
  return ok({
    id,
    scheduler,
    schedulerFlags: flags.value,
    persistence: isPersistent
      ? { timeoutSeconds: written === undefined ? DEFAULTS.persistenceSeconds : timeoutSeconds, netmask: netmask.value }
      : null,
    onePacket,
    persistenceEngine: engine,
  });
}

function parseNetmask(family: Family, text: string | undefined): Result<string, string> {
  if (text === undefined) return ok(fullNetmask(family));
  if (family === 6) {
    const length = wholeNumber(text, 1, 128);
    return length === null ? err(`-M wants a prefix length from 1 to 128, found "${text}"`) : ok(String(length));
  }
  const address = parseIp(text);
  const isMask = address?.family === 4 && address.bytes.some((byte) => byte !== 0);
  return isMask ? ok(formatIp(address)) : err(`-M wants a mask such as 255.255.255.0, found "${text}"`);
}

function parseDestination(id: ServiceId, found: Found): Result<Destination, string> {
  const text = found.get("server");
  if (text === undefined) return err("names no server: -r ADDRESS:PORT is missing");
  const endpoint = parseEndpoint(text, id.kind === "address" ? id.port : 0);
  if (endpoint === null) return err(`"${text}" is not ADDRESS:PORT, such as 192.0.2.11:80`);
  const forwards = (["dr", "tun", "nat"] as const).filter((key) => found.has(key));
  if (forwards.length > 1) return err("forwards in several ways: one of -g, -i, -m is wanted");
  const forward: Forward = forwards[0] ?? "dr";
  if (forward !== "tun" && endpoint.family !== id.family) {
    return err("a server of the other address family can only be reached by a tunnel: -i");
  }
  const weight = wholeNumber(found.get("weight") ?? String(DEFAULTS.weight), 0, WEIGHT_MAX);
  if (weight === null) return err(`-w wants 0 to ${WEIGHT_MAX}, found "${found.get("weight")}"`);
  const upperThreshold = wholeNumber(found.get("upper") ?? "0", 0, U32_MAX);
  const lowerThreshold = wholeNumber(found.get("lower") ?? "0", 0, U32_MAX);
  if (upperThreshold === null || lowerThreshold === null) return err("-x and -y want a number of connections");
  const tunnel = parseTunnel(found);
  if (!tunnel.ok) return tunnel;
  // Only masquerading can change a port: like ipvsadm, the service's is taken in every other case.
  const port = forward === "nat" ? endpoint.port : id.kind === "address" ? id.port : 0;
  return ok({ ...endpoint, port, forward, weight, upperThreshold, lowerThreshold, tunnel: tunnel.value });
}

function parseTunnel(found: Found): Result<Tunnel, string> {
  const type = found.get("tunType");
  if (type === undefined) return ok(NO_TUNNEL);
  if (type !== "ipip" && type !== "gue" && type !== "gre")
    return err(`--tun-type wants ipip, gue or gre, found "${type}"`);
  const port = wholeNumber(found.get("tunPort") ?? "0", 0, 65_535);
  if (port === null || (type === "gue" && port === 0)) return err("--tun-type gue wants --tun-port 1–65535");
  const checksum: TunnelChecksum = found.has("tunRemoteChecksum")
    ? "remote"
    : found.has("tunChecksum")
      ? "full"
      : "none";
  const tunnelType: TunnelType = type;
  return ok({ type: tunnelType, port, checksum });
}

function parseTimeouts(words: readonly string[]): Result<IpvsCommand, string> {
  const seconds = words.map((word) => wholeNumber(word, 0, U32_MAX));
  const [tcpSeconds, tcpFinSeconds, udpSeconds] = seconds;
  if (seconds.length !== 3 || seconds.includes(null))
    return err("--set wants three numbers of seconds: tcp tcpfin udp");
  return ok({
    kind: "set_timeouts",
    timeouts: { tcpSeconds: tcpSeconds ?? 0, tcpFinSeconds: tcpFinSeconds ?? 0, udpSeconds: udpSeconds ?? 0 },
  });
}

function parseDaemon(role: string, found: Found): Result<SyncDaemon, string> {
  if (role !== "master" && role !== "backup") return err(`the role of a daemon is master or backup, found "${role}"`);
  const daemonRole: DaemonRole = role;
  const syncId = wholeNumber(found.get("syncId") ?? "0", 0, 255);
  const maxBytes = wholeNumber(found.get("syncMaxBytes") ?? "0", 0, 65_535);
  const port = wholeNumber(found.get("syncPort") ?? "0", 0, 65_535);
  const ttl = wholeNumber(found.get("ttl") ?? "0", 0, 255);
  if (syncId === null || maxBytes === null || port === null || ttl === null) {
    return err("--syncid, --sync-maxlen, --mcast-port and --mcast-ttl want numbers");
  }
  const group = found.get("group") ?? null;
  const address = group === null ? null : parseIp(group);
  if (group !== null && address === null) return err(`--mcast-group wants an address, found "${group}"`);
  return ok({
    role: daemonRole,
    interface: found.get("interface") ?? "",
    syncId,
    maxBytes,
    group: address === null ? null : formatIp(address),
    port,
    ttl,
  });
}

/** "192.0.2.1:80", "[2001:db8::1]:80"; without a port `otherwise`. */
function parseEndpoint(
  text: string,
  otherwise: number,
): { readonly family: Family; readonly address: string; readonly port: number } | null {
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text);
  if (match === null) return null;
  const address = parseIp(match[1] ?? match[2] ?? "");
  const port = match[3] === undefined ? otherwise : Number(match[3]);
  if (address === null || port > 65_535) return null;
  return { family: address.family, address: formatIp(address), port };
}

function wholeNumber(text: string, low: number, high: number): number | null {
  if (!/^\d{1,10}$/.test(text)) return null;
  const value = Number(text);
  return value >= low && value <= high ? value : null;
}

function isName(text: string): boolean {
  return /^[\w-]+$/.test(text) && text.length < NAME_BYTES_MAX;
}
