/**
 * `lvs restore`: commands of a file against the table as it is. What is there already is edited where it differs and
 * left where it does not, so that the same file can be restored twice; ipvsadm would stop at the first entry.
 */
import { unreachable } from "../lib/result.ts";
import { type Destination, endpointText, type IpvsCommand, sameDestination, sameService } from "./model.ts";
import { type Service, serviceKey, type ServiceState } from "./model.ts";

interface Known {
  service: Service;
  readonly destinations: Map<string, Destination>;
}

export function planRestore(commands: readonly IpvsCommand[], kernel: readonly ServiceState[]): readonly IpvsCommand[] {
  const table = new Map<string, Known>();
  for (const state of kernel) {
    const destinations = new Map(state.destinations.map((each) => [endpointText(each), each] as const));
    table.set(serviceKey(state.id), { service: state, destinations });
  }
  return commands.flatMap((command) => {
    const next = against(command, table);
    if (next !== null) remember(next, table);
    return next === null ? [] : [next];
  });
}

/** Null: nothing to do. */
function against(command: IpvsCommand, table: ReadonlyMap<string, Known>): IpvsCommand | null {
  if (command.kind === "add_service") {
    const known = table.get(serviceKey(command.service.id));
    if (known === undefined) return command;
    return sameService(known.service, command.service) ? null : { ...command, kind: "edit_service" };
  }
  if (command.kind === "add_destination") {
    const known = table.get(serviceKey(command.id))?.destinations.get(endpointText(command.destination));
    if (known === undefined) return command;
    return sameDestination(known, command.destination) ? null : { ...command, kind: "edit_destination" };
  }
  return command;
}

function remember(command: IpvsCommand, table: Map<string, Known>): void {
  switch (command.kind) {
    case "add_service":
      table.set(serviceKey(command.service.id), { service: command.service, destinations: new Map() });
      return;
    case "edit_service": {
      const known = table.get(serviceKey(command.service.id));
      if (known !== undefined) known.service = command.service;
      return;
    }
    case "delete_service":
      table.delete(serviceKey(command.id));
      return;
    case "add_destination":
    case "edit_destination":
      table.get(serviceKey(command.id))?.destinations.set(endpointText(command.destination), command.destination);
      return;
    case "delete_destination":
      table.get(serviceKey(command.id))?.destinations.delete(endpointText(command.destination));
      return;
    case "flush":
      table.clear();
      return;
    case "zero":
    case "set_timeouts":
    case "start_daemon":
    case "stop_daemon":
      return;
    default:
      unreachable(command);
  }
}
