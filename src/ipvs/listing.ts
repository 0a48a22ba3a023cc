/** The kernel's table as `ipvsadm -L -n` prints it, column for column: scripts parse this. */
import { unreachable } from "../lib/result.ts";
import { type Destination, endpointText, type Forward, fullNetmask, type KernelInfo } from "./model.ts";
import type { DestinationState, Service, ServiceId, ServiceState, Stats } from "./model.ts";
import { sorted } from "./order.ts";
import { schedulerFlagsText } from "./scheduler-flags.ts";

export type ListingKind = "state" | "rate" | "stats";

const forwardWord: { readonly [F in Forward]: string } = {
  nat: "Masq",
  local: "Local",
  tun: "Tunnel",
  dr: "Route",
  bypass: "Bypass",
};

/** ipvsadm's word for how packets reach a server: Route, Masq, Tunnel, Local. */
export function listingForward(forward: Forward): string {
  return forwardWord[forward];
}

const columnsOf = {
  stats: ["Conns", "InPkts", "OutPkts", "InBytes", "OutBytes"],
  rate: ["CPS", "InPPS", "OutPPS", "InBPS", "OutBPS"],
} as const;

/** Lines with their line ends. */
export function printListing(info: KernelInfo, services: readonly ServiceState[], kind: ListingKind): string {
  const lines = [`IP Virtual Server version ${info.version} (size=${info.tableSize})`, ...titleOf(kind)];
  for (const service of sorted(services)) {
    lines.push(serviceLine(service, service.stats, kind));
    for (const destination of service.destinations) lines.push(destinationLine(destination, kind));
  }
  return lines.map((line) => `${line}\n`).join("");
}

function titleOf(kind: ListingKind): readonly string[] {
  if (kind === "state") {
    return [
      "Prot LocalAddress:Port Scheduler Flags",
      "  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn",
    ];
  }
  const columns = columnsOf[kind].map((name) => name.padStart(8)).join(" ");
  return [`${"Prot LocalAddress:Port".padEnd(33)} ${columns}`, "  -> RemoteAddress:Port"];
}

function serviceLine(service: Service, stats: Stats, kind: ListingKind): string {
  const name = serviceName(service.id);
  switch (kind) {
    case "stats":
    case "rate":
      return name.padEnd(33) + figures(stats, kind);
    case "state":
      return `${name} ${service.scheduler}${settings(service)}`;
    default:
      return unreachable(kind);
  }
}

export function serviceName(id: ServiceId): string {
  if (id.kind === "fwmark") return `FWM  ${id.fwmark}${id.family === 6 ? " IPv6" : ""}`;
  return `${id.protocol.toUpperCase().padEnd(4)} ${endpointText(id)}`;
}

function settings(service: Service): string {
  const { id, persistence, persistenceEngine, scheduler, schedulerFlags } = service;
  let text = schedulerFlags.length === 0 ? "" : ` (${schedulerFlagsText(scheduler, schedulerFlags)})`;
  if (persistence !== null) {
    text += ` persistent ${persistence.timeoutSeconds}`;
    if (persistence.netmask !== fullNetmask(id.family)) text += ` mask ${persistence.netmask}`;
    if (persistenceEngine !== null) text += ` pe ${persistenceEngine}`;
  }
  return service.onePacket ? `${text} ops` : text;
}

function destinationLine(destination: DestinationState, kind: ListingKind): string {
  const name = `  -> ${destinationName(destination).padEnd(28)}`;
  if (kind !== "state") return name + figures(destination.stats, kind);
  const { forward, weight, activeConnections, inactiveConnections } = destination;
  return (
    `${name} ${forwardWord[forward].padEnd(7)} ${String(weight).padEnd(6)} ` +
    `${String(activeConnections).padEnd(10)} ${String(inactiveConnections).padEnd(10)}`
  );
}

function destinationName(destination: Destination): string {
  return endpointText(destination);
}

function figures(stats: Stats, kind: "stats" | "rate"): string {
  const values =
    kind === "stats"
      ? [stats.connections, stats.inPackets, stats.outPackets, stats.inBytes, stats.outBytes]
      : [
          stats.connectionsPerSecond,
          stats.inPacketsPerSecond,
          stats.outPacketsPerSecond,
          stats.inBytesPerSecond,
          stats.outBytesPerSecond,
        ];
  return values.map((value) => largeNumber(value)).join("");
}

/** Nine columns: whole up to 100 million, then in thousands, millions and so on, cut and not rounded. */
export function largeNumber(value: number): string {
  const steps = [
    [1e8, 1, ""],
    [1e9, 1e3, "K"],
    [1e11, 1e6, "M"],
    [1e14, 1e9, "G"],
    [Number.POSITIVE_INFINITY, 1e12, "T"],
  ] as const;
  const [, divisor, unit] = steps.find(([limit]) => value < limit) ?? steps[4];
  const digits = String(Math.floor(value / divisor));
  return unit === "" ? digits.padStart(9) : digits.padStart(8) + unit;
}
