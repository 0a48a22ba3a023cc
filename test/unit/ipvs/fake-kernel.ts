/** The kernel's table as far as commands go: refuses what the kernel refuses, with its error numbers. */
import {
  type Destination,
  type DestinationState,
  endpointText,
  type IpvsCommand,
  type Service,
  serviceKey,
  type ServiceState,
  type Stats,
} from "../../../src/ipvs/model.ts";

const EEXIST = 17;
const ESRCH = 3;
const ENOENT = 2;

const ZERO: Stats = {
  connections: 0,
  inPackets: 0,
  outPackets: 0,
  inBytes: 0,
  outBytes: 0,
  connectionsPerSecond: 0,
  inPacketsPerSecond: 0,
  outPacketsPerSecond: 0,
  inBytesPerSecond: 0,
  outBytesPerSecond: 0,
};

type MutableService = Service & { stats: Stats; destinations: DestinationState[] };

export class FakeKernel {
  private readonly services = new Map<string, MutableService>();

  table(): readonly ServiceState[] {
    return structuredClone([...this.services.values()]);
  }

  /** Connections that a destination has from now on. */
  connect(service: string, destination: string, activeConnections: number): void {
    const found = this.services.get(service)?.destinations.find((each) => endpointText(each) === destination);
    if (found !== undefined) Object.assign(found, { activeConnections });
  }

  apply(command: IpvsCommand): number {
    switch (command.kind) {
      case "add_service": {
        const key = serviceKey(command.service.id);
        if (this.services.has(key)) return EEXIST;
        this.services.set(key, { ...structuredClone(command.service), stats: ZERO, destinations: [] });
        return 0;
      }
      case "edit_service": {
        const service = this.services.get(serviceKey(command.service.id));
        if (service === undefined) return ESRCH;
        Object.assign(service, structuredClone(command.service));
        return 0;
      }
      case "delete_service":
        return this.services.delete(serviceKey(command.id)) ? 0 : ESRCH;
      case "add_destination":
      case "edit_destination":
        return this.setDestination(command.kind === "add_destination", serviceKey(command.id), command.destination);
      case "delete_destination": {
        const service = this.services.get(serviceKey(command.id));
        if (service === undefined) return ESRCH;
        const at = service.destinations.findIndex((each) => endpointText(each) === endpointText(command.destination));
        if (at < 0) return ENOENT;
        service.destinations.splice(at, 1);
        return 0;
      }
      default:
        throw new Error(`not in this kernel: ${command.kind}`);
    }
  }

  private setDestination(isNew: boolean, key: string, destination: Destination): number {
    const service = this.services.get(key);
    if (service === undefined) return ESRCH;
    const found = service.destinations.find((each) => endpointText(each) === endpointText(destination));
    if (isNew && found !== undefined) return EEXIST;
    if (!isNew && found === undefined) return ENOENT;
    if (found !== undefined) Object.assign(found, structuredClone(destination));
    else {
      const counts = { activeConnections: 0, inactiveConnections: 0, persistentConnections: 0, stats: ZERO };
      service.destinations.push({ ...structuredClone(destination), ...counts });
    }
    return 0;
  }
}
