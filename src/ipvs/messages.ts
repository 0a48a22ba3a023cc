/** Commands and questions of the domain as netlink messages, and the answers back. */
import { ok, type Result, unreachable } from "../lib/result.ts";
import { type MessageWriter } from "../netlink/codec.ts";
import { beginGeneric, type GenericMessage } from "../netlink/generic.ts";
import { commandAttribute, infoAttribute, IPVS_VERSION, ipvsCommand } from "./constants.ts";
import {
  domainDaemon,
  domainDestination,
  domainService,
  wireDaemon,
  wireDestination,
  wireService,
  wireServiceId,
} from "./convert.ts";
import { domainStats } from "./convert.ts";
import type {
  DestinationState,
  IpvsCommand,
  KernelInfo,
  Service,
  ServiceId,
  Stats,
  SyncDaemon,
  Timeouts,
} from "./model.ts";
import { NO_TUNNEL } from "./model.ts";
import {
  decodeDaemon,
  decodeDestination,
  decodeService,
  encodeDaemon,
  encodeDestination,
  encodeService,
  encodeServiceId,
  encodeServiceReference,
  type IpvsReason,
  nested,
  u32,
} from "./wire.ts";

const commandNumber: { readonly [K in IpvsCommand["kind"]]: number } = {
  add_service: ipvsCommand.newService,
  edit_service: ipvsCommand.setService,
  delete_service: ipvsCommand.deleteService,
  add_destination: ipvsCommand.newDestination,
  edit_destination: ipvsCommand.setDestination,
  delete_destination: ipvsCommand.deleteDestination,
  zero: ipvsCommand.zero,
  flush: ipvsCommand.flush,
  set_timeouts: ipvsCommand.setConfig,
  start_daemon: ipvsCommand.newDaemon,
  stop_daemon: ipvsCommand.deleteDaemon,
};

/** One whole message; `flags` are those of the netlink header. */
export function encodeCommand(
  writer: MessageWriter,
  family: number,
  flags: number,
  sequence: number,
  command: IpvsCommand,
): void {
  beginGeneric(writer, family, flags, sequence, commandNumber[command.kind], IPVS_VERSION);
  switch (command.kind) {
    case "add_service":
    case "edit_service":
      encodeService(writer, wireService(command.service));
      break;
    case "delete_service":
      encodeServiceReference(writer, wireServiceId(command.id));
      break;
    case "add_destination":
    case "edit_destination":
      encodeServiceReference(writer, wireServiceId(command.id));
      encodeDestination(writer, wireDestination(command.destination));
      break;
    case "delete_destination": {
      // The kernel looks at address and port only; the rest is what ipvsadm sends.
      const rest = { forward: "dr", weight: 1, upperThreshold: 0, lowerThreshold: 0, tunnel: NO_TUNNEL } as const;
      encodeServiceReference(writer, wireServiceId(command.id));
      encodeDestination(writer, wireDestination({ ...rest, ...command.destination }));
      break;
    }
    case "zero":
      if (command.id !== null) encodeServiceReference(writer, wireServiceId(command.id));
      break;
    case "flush":
      break;
    case "set_timeouts":
      encodeTimeouts(writer, command.timeouts);
      break;
    case "start_daemon":
    case "stop_daemon":
      encodeDaemon(writer, wireDaemon(command.daemon));
      break;
    default:
      unreachable(command);
  }
  writer.end();
}

function encodeTimeouts(writer: MessageWriter, { tcpSeconds, tcpFinSeconds, udpSeconds }: Timeouts): void {
  writer.attributeU32(commandAttribute.timeoutTcp, tcpSeconds);
  writer.attributeU32(commandAttribute.timeoutTcpFin, tcpFinSeconds);
  writer.attributeU32(commandAttribute.timeoutUdp, udpSeconds);
}

/** What can be read: the first, second and last as a dump, the others as one message. */
export type IpvsQuestion =
  | { readonly kind: "services" }
  | { readonly kind: "destinations"; readonly id: ServiceId }
  | { readonly kind: "timeouts" }
  | { readonly kind: "info" }
  | { readonly kind: "daemons" };

const questionNumber: { readonly [K in IpvsQuestion["kind"]]: number } = {
  services: ipvsCommand.getService,
  destinations: ipvsCommand.getDestination,
  timeouts: ipvsCommand.getConfig,
  info: ipvsCommand.getInfo,
  daemons: ipvsCommand.getDaemon,
};

export function encodeQuestion(
  writer: MessageWriter,
  family: number,
  flags: number,
  sequence: number,
  question: IpvsQuestion,
): void {
  beginGeneric(writer, family, flags, sequence, questionNumber[question.kind], IPVS_VERSION);
  if (question.kind === "destinations") encodeServiceId(writer, wireServiceId(question.id));
  writer.end();
}

/** A service of a dump; null for one of a kind that Ballast does not know. */
export function readService(
  message: GenericMessage,
): Result<{ readonly service: Service; readonly stats: Stats } | null, IpvsReason> {
  const attributes = nested(message.attributes, commandAttribute.service);
  if (attributes === null) return ok(null);
  if (!attributes.ok) return attributes;
  const wire = decodeService(attributes.value);
  if (!wire.ok) return wire;
  const service = domainService(wire.value);
  return ok(service === null ? null : { service, stats: domainStats(wire.value.stats) });
}

export function readDestination(
  message: GenericMessage,
  serviceFamily: 4 | 6,
): Result<DestinationState | null, IpvsReason> {
  const attributes = nested(message.attributes, commandAttribute.destination);
  if (attributes === null) return ok(null);
  if (!attributes.ok) return attributes;
  const wire = decodeDestination(attributes.value);
  return wire.ok ? ok(domainDestination(wire.value, serviceFamily)) : wire;
}

export function readDaemon(message: GenericMessage): Result<SyncDaemon | null, IpvsReason> {
  const attributes = nested(message.attributes, commandAttribute.daemon);
  if (attributes === null) return ok(null);
  if (!attributes.ok) return attributes;
  const wire = decodeDaemon(attributes.value);
  return wire.ok ? ok(domainDaemon(wire.value)) : wire;
}

export function readTimeouts(message: GenericMessage): Timeouts {
  return {
    tcpSeconds: u32(message.attributes.get(commandAttribute.timeoutTcp)) ?? 0,
    tcpFinSeconds: u32(message.attributes.get(commandAttribute.timeoutTcpFin)) ?? 0,
    udpSeconds: u32(message.attributes.get(commandAttribute.timeoutUdp)) ?? 0,
  };
}

export function readInfo(message: GenericMessage): KernelInfo {
  const version = u32(message.attributes.get(infoAttribute.version)) ?? 0;
  return {
    version: `${(version >> 16) & 0xff}.${(version >> 8) & 0xff}.${version & 0xff}`,
    tableSize: u32(message.attributes.get(infoAttribute.tableSize)) ?? 0,
  };
}
