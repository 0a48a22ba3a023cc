/** The kernel's IPVS table through its generic netlink family: read whole, changed by commands, refusals in words. */
import { err, ok, type Result } from "../lib/result.ts";
import type { GenericMessage } from "../netlink/generic.ts";
import type { GenericPort } from "../netlink/generic-port.ts";
import { encodeCommand, encodeQuestion, type IpvsQuestion } from "./messages.ts";
import { readDaemon, readDestination, readInfo, readService, readTimeouts } from "./messages.ts";
import type { DestinationState, IpvsCommand, KernelInfo, Service, ServiceState, Stats } from "./model.ts";
import { endpointText, serviceKey, type SyncDaemon, type Timeouts } from "./model.ts";

/** What the kernel said: its error number, positive, and the sentence for people. */
export interface IpvsRefusal {
  readonly errno: number;
  readonly text: string;
}

/** asm-generic/errno.h; this file is pure and has no table of system errors. */
const errnoOf = { PERM: 1, NOENT: 2, SRCH: 3, EXIST: 17, INVAL: 22, PROTO: 71 } as const;

/** What keeping a table takes of it. */
export type KeptTable = Pick<KernelTable, "read" | "apply" | "timeouts" | "daemons">;

export class KernelTable {
  private readonly port: GenericPort;

  constructor(port: GenericPort) {
    this.port = port;
  }

  /** Services with their destinations, in the kernel's order. A service that vanishes meanwhile is left out. */
  read(): Result<readonly ServiceState[], IpvsRefusal> {
    const answers = this.ask({ kind: "services" }, "dump");
    if (!answers.ok) return answers;
    const services: ServiceState[] = [];
    for (const message of answers.value) {
      const found = readService(message);
      if (!found.ok) return err(undecodable(found.error));
      if (found.value === null) continue;
      const destinations = this.destinationsOf(found.value.service);
      if (!destinations.ok) return destinations;
      if (destinations.value !== null) services.push(withDestinations(found.value, destinations.value));
    }
    return ok(services);
  }

  info(): Result<KernelInfo, IpvsRefusal> {
    const answers = this.ask({ kind: "info" }, "one");
    return answers.ok ? ok(firstOf(answers.value, readInfo, { version: "0.0.0", tableSize: 0 })) : answers;
  }

  timeouts(): Result<Timeouts, IpvsRefusal> {
    const answers = this.ask({ kind: "timeouts" }, "one");
    const none = { tcpSeconds: 0, tcpFinSeconds: 0, udpSeconds: 0 };
    return answers.ok ? ok(firstOf(answers.value, readTimeouts, none)) : answers;
  }

  daemons(): Result<readonly SyncDaemon[], IpvsRefusal> {
    const answers = this.ask({ kind: "daemons" }, "dump");
    if (!answers.ok) return answers;
    const daemons: SyncDaemon[] = [];
    for (const message of answers.value) {
      const found = readDaemon(message);
      if (!found.ok) return err(undecodable(found.error));
      if (found.value !== null) daemons.push(found.value);
    }
    return ok(daemons);
  }

  /** Null when it is done. */
  apply(command: IpvsCommand): IpvsRefusal | null {
    const errno = this.port.request((writer, family, flags, sequence) =>
      encodeCommand(writer, family, flags, sequence, command),
    );
    return errno === 0 ? null : { errno, text: refusalText(command, errno) };
  }

  /** Null: the service is no longer there. */
  private destinationsOf(service: Service): Result<readonly DestinationState[] | null, IpvsRefusal> {
    const answers = this.ask({ kind: "destinations", id: service.id }, "dump");
    if (!answers.ok) return answers.error.errno === errnoOf.SRCH ? ok(null) : answers;
    const destinations: DestinationState[] = [];
    for (const message of answers.value) {
      const found = readDestination(message, service.id.family);
      if (!found.ok) return err(undecodable(found.error));
      if (found.value !== null) destinations.push(found.value);
    }
    return ok(destinations);
  }

  private ask(question: IpvsQuestion, how: "dump" | "one"): Result<readonly GenericMessage[], IpvsRefusal> {
    const answers = this.port.ask(
      (writer, family, flags, sequence) => encodeQuestion(writer, family, flags, sequence, question),
      how,
    );
    if (typeof answers !== "number") return ok(answers);
    return err({ errno: answers, text: `the kernel does not show its IPVS table: ${errnoWords(answers)}` });
  }
}

function withDestinations(
  { service, stats }: { readonly service: Service; readonly stats: Stats },
  destinations: readonly DestinationState[],
): ServiceState {
  return { ...service, stats, destinations };
}

function firstOf<T>(messages: readonly GenericMessage[], read: (message: GenericMessage) => T, none: T): T {
  const [first] = messages;
  return first === undefined ? none : read(first);
}

function undecodable(reason: string): IpvsRefusal {
  return { errno: errnoOf.PROTO, text: `the kernel's answer cannot be read: ${reason}` };
}

/** What was wanted, and why it was not done. */
export function refusalText(command: IpvsCommand, errno: number): string {
  switch (command.kind) {
    case "add_service":
    case "edit_service": {
      const what = `service ${serviceKey(command.service.id)}`;
      if (errno === errnoOf.EXIST) return `${what} exists already`;
      if (errno === errnoOf.SRCH) return `there is no ${what}`;
      const { scheduler, persistenceEngine } = command.service;
      const engine = persistenceEngine === null ? "" : ` or no persistence engine "${persistenceEngine}"`;
      if (errno === errnoOf.NOENT) {
        return `${what}: this kernel has no scheduler "${scheduler}" (module ip_vs_${scheduler})${engine}`;
      }
      return `${what}: ${errnoWords(errno)}`;
    }
    case "delete_service":
      return errno === errnoOf.SRCH
        ? `there is no service ${serviceKey(command.id)}`
        : `service ${serviceKey(command.id)}: ${errnoWords(errno)}`;
    case "add_destination":
    case "edit_destination":
    case "delete_destination": {
      const service = serviceKey(command.id);
      const server = endpointText(command.destination);
      if (errno === errnoOf.SRCH) return `there is no service ${service} for server ${server}`;
      if (errno === errnoOf.NOENT) return `service ${service} has no server ${server}`;
      if (errno === errnoOf.EXIST) return `service ${service} has server ${server} already`;
      return `server ${server} of service ${service}: ${errnoWords(errno)}`;
    }
    case "zero":
      return command.id !== null && errno === errnoOf.SRCH
        ? `there is no service ${serviceKey(command.id)}`
        : `counters: ${errnoWords(errno)}`;
    case "flush":
      return `clearing the table: ${errnoWords(errno)}`;
    case "set_timeouts":
      return `connection timeouts: ${errnoWords(errno)}`;
    case "start_daemon":
    case "stop_daemon": {
      const what = `${command.daemon.role} sync daemon`;
      if (errno === errnoOf.EXIST) return `a ${what} runs already`;
      if (errno === errnoOf.SRCH) return `no ${what} runs`;
      return `${what} on ${command.daemon.interface}: ${errnoWords(errno)}`;
    }
  }
}

const words: Readonly<Record<number, string>> = {
  [errnoOf.PERM]: "not permitted (it needs CAP_NET_ADMIN)",
  [errnoOf.NOENT]: "not found",
  [errnoOf.SRCH]: "not found",
  [errnoOf.EXIST]: "exists already",
  [errnoOf.INVAL]: "refused by the kernel as invalid",
  12: "the kernel is out of memory",
  19: "there is no such interface",
};

function errnoWords(errno: number): string {
  return words[errno] ?? `error ${errno}`;
}
