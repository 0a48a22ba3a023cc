/**
 * Frames on the channel between supervisor and role (a Unix stream socket).
 *
 *    0        4      6            8
 *   +--------+------+-------------+----------------+
 *   | length | code | descriptors | payload (JSON) |     little-endian; length counts the payload
 *   +--------+------+-------------+----------------+
 */
import { FRAME_BYTES_MAX, FRAME_DESCRIPTORS_MAX, type MessageType, messageTable, type Party } from "./messages.ts";

export const FRAME_HEADER_BYTES = 8;

const typeOfCode = new Map<number, MessageType>(
  (Object.keys(messageTable) as MessageType[]).map((type) => [messageTable[type].code, type]),
);

export function encodeFrame(type: MessageType, payload: unknown, descriptorCount: number): Uint8Array {
  const body = new TextEncoder().encode(JSON.stringify(payload));
  const frame = new Uint8Array(FRAME_HEADER_BYTES + body.length);
  const view = new DataView(frame.buffer);
  view.setUint32(0, body.length, true);
  view.setUint16(4, messageTable[type].code, true);
  view.setUint16(6, descriptorCount, true);
  frame.set(body, FRAME_HEADER_BYTES);
  return frame;
}

export type FrameError = "too-long" | "unknown-code" | "wrong-sender" | "wrong-receiver" | "descriptors" | "not-json";

export type Frame =
  | { readonly kind: "incomplete" }
  | { readonly kind: "error"; readonly error: FrameError }
  | {
      readonly kind: "message";
      readonly type: MessageType;
      readonly payload: unknown;
      readonly descriptorCount: number;
      readonly bytes: number;
    };

/** The first frame in `buffer`, checked against the table: who may send what to whom, with or without descriptors. */
export function decodeFrame(buffer: Uint8Array, from: Party, to: Party): Frame {
  if (buffer.length < FRAME_HEADER_BYTES) return { kind: "incomplete" };
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  const length = view.getUint32(0, true);
  if (length > FRAME_BYTES_MAX) return { kind: "error", error: "too-long" };
  const type = typeOfCode.get(view.getUint16(4, true));
  if (!type) return { kind: "error", error: "unknown-code" };
  const row = messageTable[type];
  if (!row.from.includes(from)) return { kind: "error", error: "wrong-sender" };
  if (!row.to.includes(to)) return { kind: "error", error: "wrong-receiver" };
  const descriptorCount = view.getUint16(6, true);
  const descriptorsMax = row.descriptors ? FRAME_DESCRIPTORS_MAX : 0;
  if (descriptorCount > descriptorsMax) return { kind: "error", error: "descriptors" };
  if (buffer.length < FRAME_HEADER_BYTES + length) return { kind: "incomplete" };
  const body = new TextDecoder().decode(buffer.subarray(FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + length));
  try {
    const payload: unknown = JSON.parse(body);
    return { kind: "message", type, payload, descriptorCount, bytes: FRAME_HEADER_BYTES + length };
  } catch {
    return { kind: "error", error: "not-json" };
  }
}
