/** The order in which ipvsadm shows a table: by mark, family, protocol, address and port. */
import { compareIp, parseIp } from "../lib/ip.ts";
import { assert } from "../lib/result.ts";
import { familyNumber, protocolNumber } from "./constants.ts";
import type { DestinationId, ServiceId, ServiceState } from "./model.ts";

/** A copy with services and their destinations in order. */
export function sorted(services: readonly ServiceState[]): readonly ServiceState[] {
  return services
    .map((service) => ({ ...service, destinations: service.destinations.toSorted(compareEndpoints) }))
    .toSorted((a, b) => compareServices(a.id, b.id));
}

export function compareServices(a: ServiceId, b: ServiceId): number {
  const marks = (a.kind === "fwmark" ? a.fwmark : 0) - (b.kind === "fwmark" ? b.fwmark : 0);
  if (marks !== 0) return marks;
  if (a.kind === "fwmark" || b.kind === "fwmark") return familyNumber[a.family] - familyNumber[b.family];
  const families = familyNumber[a.family] - familyNumber[b.family];
  if (families !== 0) return families;
  const protocols = protocolNumber[a.protocol] - protocolNumber[b.protocol];
  return protocols === 0 ? compareEndpoints(a, b) : protocols;
}

function compareEndpoints(a: DestinationId, b: DestinationId): number {
  const first = parseIp(a.address);
  const second = parseIp(b.address);
  assert(first !== null && second !== null, `ipvs: "${a.address}" or "${b.address}" is no address`);
  const addresses = compareIp(first, second);
  return addresses === 0 ? a.port - b.port : addresses;
}
