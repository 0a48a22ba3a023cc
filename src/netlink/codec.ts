/**
 * Netlink framing (netlink(7), linux/netlink.h). Everything is in the machine's byte order: little-endian on the two
 * architectures that Ballast runs on.
 *
 *   0 length u32 (with this header)   4 type u16   6 flags u16   8 sequence u32   12 port id u32
 *   then a family header, then attributes: length u16 (with these 4 bytes), type u16, value, padding to 4
 */
import { assert, err, ok, type Result } from "../lib/result.ts";

export const NETLINK_HEADER_BYTES = 16;
const ATTRIBUTE_HEADER_BYTES = 4;

/** linux/netlink.h */
export const messageType = { noop: 1, error: 2, done: 3, overrun: 4 } as const;

/** linux/netlink.h: NLM_F_*. */
export const messageFlag = {
  request: 0x1,
  multi: 0x2,
  ack: 0x4,
  dumpInterrupted: 0x10,
  replace: 0x100,
  exclusive: 0x200,
  dump: 0x300,
  create: 0x400,
} as const;

/** The upper two bits of an attribute type are NLA_F_NESTED and NLA_F_NET_BYTEORDER. */
const ATTRIBUTE_TYPE_MASK = 0x3fff;

export function align4(length: number): number {
  return (length + 3) & ~3;
}

/** Appends messages to a buffer. `begin`, family header, attributes, `end`; several messages make one batch. */
export class MessageWriter {
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private start = 0;
  /** Bytes written so far. */
  length = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  reset(): void {
    this.length = 0;
  }

  begin(type: number, flags: number, sequence: number): void {
    this.start = this.length;
    this.u32(0);
    this.u16(type);
    this.u16(flags);
    this.u32(sequence);
    this.u32(0);
  }

  end(): void {
    this.view.setUint32(this.start, this.length - this.start, true);
  }

  u8(value: number): void {
    this.room(1);
    this.bytes[this.length++] = value;
  }

  u16(value: number): void {
    this.room(2);
    this.view.setUint16(this.length, value, true);
    this.length += 2;
  }

  u32(value: number): void {
    this.room(4);
    this.view.setUint32(this.length, value, true);
    this.length += 4;
  }

  attribute(type: number, value: Uint8Array): void {
    this.u16(ATTRIBUTE_HEADER_BYTES + value.length);
    this.u16(type);
    const padded = align4(value.length);
    this.room(padded);
    this.bytes.fill(0, this.length, this.length + padded);
    this.bytes.set(value, this.length);
    this.length += padded;
  }

  attributeU8(type: number, value: number): void {
    this.attribute(type, Uint8Array.of(value));
  }

  attributeU32(type: number, value: number): void {
    this.u16(ATTRIBUTE_HEADER_BYTES + 4);
    this.u16(type);
    this.u32(value);
  }

  attributeU16(type: number, value: number): void {
    this.attribute(type, Uint8Array.of(value & 0xff, value >> 8));
  }

  /** Opens an attribute that holds attributes; `endNest` with the result closes it. Flags ride in the type. */
  beginNest(type: number): number {
    const start = this.length;
    this.u16(0);
    this.u16(type);
    return start;
  }

  endNest(start: number): void {
    this.view.setUint16(start, this.length - start, true);
  }

  /** An attribute that holds attributes, written by `write`. */
  nested(type: number, write: () => void): void {
    const start = this.length;
    this.u16(0);
    this.u16(type);
    write();
    this.view.setUint16(start, this.length - start, true);
  }

  /** A string attribute ends with a zero byte (NLA_NUL_STRING). */
  attributeText(type: number, text: string): void {
    this.attribute(type, new TextEncoder().encode(`${text}\0`));
  }

  private room(bytes: number): void {
    assert(this.length + bytes <= this.bytes.length, "netlink: the message buffer is too small");
  }
}

/** One message inside a received buffer: offsets, no copies. */
export interface Message {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** Port id of whoever caused it: in a notification, the socket whose request made the change. */
  readonly port: number;
  readonly payloadStart: number;
  readonly payloadEnd: number;
}

export type NetlinkReason = "netlink_short" | "netlink_length" | "attribute_length";

/** Every message of bytes[0, length). A truncated tail is an error: the kernel never sends one. */
export function decodeMessages(bytes: Uint8Array, length: number): Result<readonly Message[], NetlinkReason> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const messages: Message[] = [];
  let at = 0;
  while (at < length) {
    if (length - at < NETLINK_HEADER_BYTES) return err("netlink_short");
    const messageBytes = view.getUint32(at, true);
    if (messageBytes < NETLINK_HEADER_BYTES || messageBytes > length - at) return err("netlink_length");
    messages.push({
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      sequence: view.getUint32(at + 8, true),
      port: view.getUint32(at + 12, true),
      payloadStart: at + NETLINK_HEADER_BYTES,
      payloadEnd: at + messageBytes,
    });
    at += align4(messageBytes);
  }
  return ok(messages);
}

/** The errno of an NLMSG_ERROR as a positive number; 0 is the acknowledgement. */
export function decodeError(bytes: Uint8Array, message: Message): Result<number, NetlinkReason> {
  if (message.payloadEnd - message.payloadStart < 4) return err("netlink_short");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return ok(Math.abs(view.getInt32(message.payloadStart, true)));
}

/** The attributes of bytes[start, end): type → value (a view). A repeated type keeps its last value. */
export function decodeAttributes(
  bytes: Uint8Array,
  start: number,
  end: number,
): Result<ReadonlyMap<number, Uint8Array>, NetlinkReason> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const attributes = new Map<number, Uint8Array>();
  let at = start;
  while (end - at >= ATTRIBUTE_HEADER_BYTES) {
    const attributeBytes = view.getUint16(at, true);
    if (attributeBytes < ATTRIBUTE_HEADER_BYTES || attributeBytes > end - at) return err("attribute_length");
    const type = view.getUint16(at + 2, true) & ATTRIBUTE_TYPE_MASK;
    attributes.set(type, bytes.subarray(at + ATTRIBUTE_HEADER_BYTES, at + attributeBytes));
    at += align4(attributeBytes);
  }
  return ok(attributes);
}
