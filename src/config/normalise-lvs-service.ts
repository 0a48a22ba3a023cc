/** What the kernel is told of an LVS service besides its address: persistence, scheduler flags, tunnel. */
import { parseIp } from "../lib/ip.ts";
import type { NormaliseContext } from "./normalise-context.ts";
import { pick } from "./normalise-context.ts";
import type { Path } from "./schema-issue.ts";
import { tunnelRows, virtualServerRows } from "./schema-lvs.ts";
import type { Decoded } from "./schema-type.ts";
import type { LvsServiceAddress, VirtualServerConfig } from "./types-lvs.ts";

type WrittenVirtual = Decoded<typeof virtualServerRows>;

export function persistenceOf(
  value: WrittenVirtual,
  services: readonly LvsServiceAddress[],
  at: Path,
  context: NormaliseContext,
): VirtualServerConfig["persistence"] {
  const maskAt = [...at, "persistence_netmask"];
  const timeoutMs = pick(virtualServerRows.persistence, value.persistence);
  const timeoutSeconds = wholeSeconds(timeoutMs, [...at, "persistence"], context);
  if (timeoutSeconds > 0) {
    const family = services[0]?.family ?? 4;
    return { timeoutSeconds, netmask: netmaskOf(family, value.persistence_netmask, maskAt, context) };
  }
  if (value.persistence_netmask !== undefined) context.sink.error(maskAt, "needs persistence", { mark: "key" });
  if (services.some((service) => service.kind === "address" && service.port === 0)) {
    context.sink.error(at, "port 0 (all ports) needs persistence", { mark: "key", help: 'such as persistence = "6m"' });
  }
  return null;
}

function netmaskOf(family: 4 | 6, written: string | undefined, at: Path, context: NormaliseContext): string {
  const full = family === 4 ? "255.255.255.255" : "128";
  if (written === undefined) return full;
  if (family === 6) {
    if (/^\d+$/.test(written) && Number(written) >= 1 && Number(written) <= 128) return written;
    context.sink.error(at, "must be a prefix length from 1 to 128 for IPv6", { found: written });
    return full;
  }
  const bytes = parseIp(written)?.bytes ?? new Uint8Array(4);
  if (/^1+0*$/.test([...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join(""))) return written;
  context.sink.error(at, "must be a netmask such as 255.255.255.0", { found: written });
  return full;
}

/** ipvsadm's names of the flags of sh and mh. */
const flagNames: Readonly<Record<string, "flag-1" | "flag-2">> = {
  "sh-fallback": "flag-1",
  "sh-port": "flag-2",
  "mh-fallback": "flag-1",
  "mh-port": "flag-2",
};

export function schedulerFlags(
  scheduler: string,
  value: WrittenVirtual,
  context: NormaliseContext,
): VirtualServerConfig["schedulerFlags"] {
  const found = new Set<string>();
  for (const { at, value: flag } of value.scheduler_flags ?? []) {
    const owner = flag.split("-", 1)[0];
    if (owner === "flag" || owner === scheduler) found.add(flagNames[flag] ?? flag);
    else context.sink.error(at, `is a flag of scheduler "${owner}", not of "${scheduler}"`, { found: flag });
  }
  return (["flag-1", "flag-2", "flag-3"] as const).filter((flag) => found.has(flag));
}

export function tunnelOf(value: WrittenVirtual, at: Path, context: NormaliseContext): VirtualServerConfig["tunnel"] {
  const written = value.tunnel ?? {};
  const place = [...at, "tunnel"];
  const type = pick(tunnelRows.type, written.type);
  if (value.tunnel !== undefined && value.forward !== "tun") {
    context.sink.error(place, 'needs forward = "tun"', { mark: "key" });
  }
  if (type === "gue" && written.port === undefined) {
    context.sink.error(place, 'has no "port": the UDP port of gue is missing', { mark: "key" });
  }
  return {
    type,
    port: type === "gue" ? (written.port ?? 0) : 0,
    checksum: pick(tunnelRows.checksum, written.checksum),
  };
}

/** The kernel counts in seconds. */
export function wholeSeconds(durationMs: number, at: Path, context: NormaliseContext): number {
  if (durationMs % 1000 !== 0) context.sink.error(at, "must be whole seconds: the kernel counts in them");
  return Math.ceil(durationMs / 1000);
}
