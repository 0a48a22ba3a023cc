/**
 * Generic netlink (linux/genetlink.h): one socket for many kernel interfaces, each a family with a number of its own.
 *
 *   nlmsghdr (type = family number), then genlmsghdr:   0 command u8   1 version u8   2 reserved u16
 *   then attributes. The family "nlctrl" has the fixed number 16 and tells the numbers of the others.
 */
import { err, ok, type Result } from "../lib/result.ts";
import { decodeAttributes, type Message, messageFlag, MessageWriter, type NetlinkReason } from "./codec.ts";

export const GENERIC_HEADER_BYTES = 4;

/** linux/genetlink.h: GENL_ID_CTRL, CTRL_CMD_*, CTRL_ATTR_*. */
const CONTROL_FAMILY = 16;
const CONTROL_VERSION = 1;
const controlCommand = { newFamily: 1, getFamily: 3 } as const;
const controlAttribute = { familyId: 1, familyName: 2 } as const;

export type GenericReason = NetlinkReason | "generic_short" | "family_missing";

/** `begin` of a generic message: header and genlmsghdr. `writer.end()` closes it. */
export function beginGeneric(
  writer: MessageWriter,
  family: number,
  flags: number,
  sequence: number,
  command: number,
  version: number,
): void {
  writer.begin(family, flags, sequence);
  writer.u8(command);
  writer.u8(version);
  writer.u16(0);
}

/** Asks for the number of a family by its name. */
export function encodeGetFamily(writer: MessageWriter, name: string, sequence: number): void {
  const flags = messageFlag.request | messageFlag.ack;
  beginGeneric(writer, CONTROL_FAMILY, flags, sequence, controlCommand.getFamily, CONTROL_VERSION);
  writer.attributeText(controlAttribute.familyName, name);
  writer.end();
}

export interface GenericMessage {
  readonly command: number;
  readonly attributes: ReadonlyMap<number, Uint8Array>;
}

/** Command and attributes (views into `bytes`) of one message. */
export function decodeGeneric(bytes: Uint8Array, message: Message): Result<GenericMessage, GenericReason> {
  const start = message.payloadStart;
  if (message.payloadEnd - start < GENERIC_HEADER_BYTES) return err("generic_short");
  const attributes = decodeAttributes(bytes, start + GENERIC_HEADER_BYTES, message.payloadEnd);
  if (!attributes.ok) return attributes;
  return ok({ command: bytes[start], attributes: attributes.value });
}

/** The number of a family from the answer to `encodeGetFamily`. */
export function decodeFamily(bytes: Uint8Array, message: Message): Result<number, GenericReason> {
  const decoded = decodeGeneric(bytes, message);
  if (!decoded.ok) return decoded;
  const id = decoded.value.attributes.get(controlAttribute.familyId);
  if (decoded.value.command !== controlCommand.newFamily || id === undefined || id.length < 2) {
    return err("family_missing");
  }
  return ok(id[0] | (id[1] << 8));
}
