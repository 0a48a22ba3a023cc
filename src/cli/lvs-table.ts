/** The kernel's IPVS table for commands: opened with a clear refusal, and as a table for people. */
import { KernelTable } from "../ipvs/kernel-table.ts";
import { listingForward } from "../ipvs/listing.ts";
import { endpointText, type DestinationState, serviceKey, type ServiceState } from "../ipvs/model.ts";
import { IPVS_MISSING, lacksIpvs, loadIpvsModule } from "../ipvs/shell/open.ts";
import { IPVS_FAMILY } from "../ipvs/constants.ts";
import type { Column } from "../lib/text-table.ts";
import { GenericSocket } from "../netlink/shell/generic-socket.ts";
import { hasCapability } from "../sys/process.ts";
import { complain, exitCodes, talk } from "./output.ts";

/** The table, or the exit code after the refusal has been told. */
export function openTable(): KernelTable | number {
  if (!hasCapability("NET_ADMIN")) {
    complain("the kernel shows and changes its IPVS table only with CAP_NET_ADMIN");
    talk("run it as root\n");
    return exitCodes.notPermitted;
  }
  try {
    return new KernelTable(openFamily());
  } catch (error) {
    if (!lacksIpvs(error)) throw error;
    complain(IPVS_MISSING.text);
    talk(`${IPVS_MISSING.help}\n`);
    return exitCodes.kernelLacks;
  }
}

function openFamily(): GenericSocket {
  try {
    return new GenericSocket(IPVS_FAMILY);
  } catch (error) {
    if (!lacksIpvs(error) || !loadIpvsModule()) throw error;
    return new GenericSocket(IPVS_FAMILY);
  }
}

export interface LvsRow {
  readonly service: ServiceState;
  /** Null: the service itself. */
  readonly destination: DestinationState | null;
}

export function lvsRows(services: readonly ServiceState[]): readonly LvsRow[] {
  return services.flatMap((service) => [
    { service, destination: null },
    ...service.destinations.map((destination) => ({ service, destination })),
  ]);
}

export const lvsColumns: readonly Column<LvsRow>[] = [
  {
    title: "SERVICE",
    cell: ({ service, destination }) => {
      if (destination === null) return { text: serviceKey(service.id), tone: "strong" };
      return `  ${endpointText(destination)}`;
    },
  },
  {
    title: "HOW",
    cell: ({ service, destination }) =>
      destination === null ? service.scheduler : listingForward(destination.forward),
  },
  {
    title: "WEIGHT",
    align: "right",
    cell: ({ destination }) => {
      if (destination === null) return "";
      return { text: String(destination.weight), tone: destination.weight === 0 ? "drain" : "plain" };
    },
  },
  { title: "ACTIVE", align: "right", cell: ({ destination }) => countText(destination?.activeConnections) },
  { title: "INACTIVE", align: "right", cell: ({ destination }) => countText(destination?.inactiveConnections) },
  {
    title: "PERSISTENT",
    align: "right",
    priority: 2,
    cell: ({ destination }) => countText(destination?.persistentConnections),
  },
  {
    title: "TOTAL",
    align: "right",
    priority: 1,
    cell: ({ service, destination }) => String((destination ?? service).stats.connections),
  },
];

function countText(count: number | undefined): string {
  return count === undefined ? "" : String(count);
}
