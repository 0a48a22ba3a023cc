/** "VS/RS" on the command line: which destination of which service is meant. */
import { parseIp, formatIp } from "../lib/ip.ts";
import { err, ok, type Result } from "../lib/result.ts";
import { type DestinationState, endpointText, serviceKey, type ServiceState } from "./model.ts";

export interface Target {
  readonly service: ServiceState;
  readonly destination: DestinationState;
}

/**
 * "192.0.2.10:80/198.51.100.1:80"; the service may say its protocol ("udp:192.0.2.10:53") or be a mark ("fwmark:10"),
 * the server may leave its port out. Error: a sentence for people.
 */
export function findTarget(text: string, services: readonly ServiceState[]): Result<Target, string> {
  const slash = text.lastIndexOf("/");
  if (slash < 1 || slash === text.length - 1) {
    return err(`"${text}" is not SERVICE/SERVER, such as 192.0.2.10:80/198.51.100.1:80`);
  }
  const wanted = text.slice(0, slash);
  const matching = services.filter((service) => namesOf(service).includes(wanted));
  if (matching.length === 0) return err(`the kernel has no virtual server ${wanted}`);
  if (matching.length > 1) {
    const names = matching.map((service) => namesOf(service)[0]).join(" or ");
    return err(`${wanted} names several virtual servers: write ${names}`);
  }
  const [service] = matching;
  const server = canonical(text.slice(slash + 1));
  const found = service.destinations.filter((each) => endpointText(each) === server || each.address === server);
  if (found.length === 0) return err(`${serviceKey(service.id)} has no real server ${server}`);
  if (found.length > 1) return err(`${server} names several real servers of ${serviceKey(service.id)}: add the port`);
  return ok({ service, destination: found[0] });
}

/** The full name first. */
function namesOf({ id }: ServiceState): readonly string[] {
  if (id.kind === "fwmark") {
    const name = `fwmark:${id.fwmark}`;
    return id.family === 6 ? [`${name}/6`] : [name];
  }
  return [`${id.protocol}:${endpointText(id)}`, endpointText(id)];
}

function canonical(text: string): string {
  const address = parseIp(text.replace(/^\[([^\]]*)\]$/, "$1"));
  return address === null ? text : formatIp(address);
}
