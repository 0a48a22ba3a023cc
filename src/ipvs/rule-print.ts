/**
 * The kernel's table as `ipvsadm-save -n` writes it: lines that `parseRules` and `ipvsadm-restore` read back.
 * One thing more: thresholds, which ipvsadm reads and forgets to write.
 */
import { type Destination, endpointText, fullNetmask, type Forward, type Service } from "./model.ts";
import type { ServiceId, ServiceState } from "./model.ts";
import { schedulerFlagsText } from "./scheduler-flags.ts";
import { sorted } from "./order.ts";

const serviceOption = { tcp: "-t", udp: "-u", sctp: "--sctp-service" } as const;

/** A destination of the node's own is saved as the direct one that it was when it was set. */
const forwardOption: { readonly [F in Forward]: string } = {
  nat: "-m",
  local: "-g",
  tun: "-i",
  dr: "-g",
  bypass: "-g",
};

/** Lines with their line ends; "" for an empty table. */
export function printRules(services: readonly ServiceState[]): string {
  return sorted(services)
    .flatMap((service) => [
      serviceRule(service),
      ...service.destinations.map((destination) => destinationRule(service.id, destination)),
    ])
    .map((line) => `${line}\n`)
    .join("");
}

export function serviceIdRule(id: ServiceId): string {
  if (id.kind === "fwmark") return `-f ${id.fwmark}${id.family === 6 ? " -6" : ""}`;
  return `${serviceOption[id.protocol]} ${endpointText(id)}`;
}

export function serviceRule(service: Service): string {
  const { id, persistence, scheduler, schedulerFlags, persistenceEngine } = service;
  const words = [`-A ${serviceIdRule(id)} -s ${scheduler}`];
  if (persistence !== null) {
    words.push(`-p ${persistence.timeoutSeconds}`);
    if (persistence.netmask !== fullNetmask(id.family)) words.push(`-M ${persistence.netmask}`);
    if (persistenceEngine !== null) words.push(`--pe ${persistenceEngine}`);
  }
  if (service.onePacket) words.push("-o");
  if (schedulerFlags.length > 0) words.push(`-b ${schedulerFlagsText(scheduler, schedulerFlags)}`);
  return words.join(" ");
}

export function destinationRule(id: ServiceId, destination: Destination): string {
  const { forward, weight, upperThreshold, lowerThreshold } = destination;
  const server = `${endpointText(destination)} ${forwardOption[forward]}`;
  const words = [`-a ${serviceIdRule(id)} -r ${server} -w ${weight}${tunnelWords(destination)}`];
  if (upperThreshold !== 0) words.push(`-x ${upperThreshold}`);
  if (lowerThreshold !== 0) words.push(`-y ${lowerThreshold}`);
  return words.join(" ");
}

function tunnelWords({ forward, tunnel }: Destination): string {
  if (forward !== "tun") return "";
  if (tunnel.type === "ipip") return " --tun-type ipip";
  const port = tunnel.type === "gue" ? ` --tun-port ${tunnel.port}` : "";
  const checksum = { none: "--tun-nocsum", full: "--tun-csum", remote: "--tun-remcsum" }[tunnel.checksum];
  return ` --tun-type ${tunnel.type}${port} ${checksum}`;
}
