import { expect, test } from "bun:test";
import { decodeFrame, encodeFrame, FRAME_HEADER_BYTES } from "../../../src/ipc/frame.ts";
import { FRAME_BYTES_MAX } from "../../../src/ipc/messages.ts";

const frame = encodeFrame("stop", { mode: "drain", withinMs: 5 }, 0);

test("decodeFrame gives back what encodeFrame wrote and how many bytes it took", () => {
  const decoded = decodeFrame(new Uint8Array([...frame, 1, 2, 3]), "supervisor", "worker");
  expect(decoded).toEqual({
    kind: "message",
    type: "stop",
    payload: { mode: "drain", withinMs: 5 },
    descriptorCount: 0,
    bytes: frame.length,
  });
});

test("decodeFrame waits for the rest at every truncation length", () => {
  for (let length = 0; length < frame.length; length++) {
    expect(decodeFrame(frame.subarray(0, length), "supervisor", "worker")).toEqual({ kind: "incomplete" });
  }
});

test("decodeFrame refuses a sender or receiver that the table does not name", () => {
  expect(decodeFrame(frame, "worker", "supervisor")).toEqual({ kind: "error", error: "wrong-sender" });
  const verdict = encodeFrame("verdict", {}, 0);
  expect(decodeFrame(verdict, "director", "worker")).toEqual({ kind: "error", error: "wrong-receiver" });
});

test("decodeFrame refuses unknown codes, oversized frames, stray descriptors and bodies that are not JSON", () => {
  const change = (offset: number, value: number, bytes: 2 | 4): Uint8Array => {
    const copy = frame.slice();
    const view = new DataView(copy.buffer);
    if (bytes === 2) view.setUint16(offset, value, true);
    else view.setUint32(offset, value, true);
    return copy;
  };
  const errorOf = (bytes: Uint8Array): unknown => decodeFrame(bytes, "supervisor", "worker");
  expect(errorOf(change(4, 999, 2))).toEqual({ kind: "error", error: "unknown-code" });
  expect(errorOf(change(0, FRAME_BYTES_MAX + 1, 4))).toEqual({ kind: "error", error: "too-long" });
  expect(errorOf(change(6, 1, 2))).toEqual({ kind: "error", error: "descriptors" });
  const broken = frame.slice();
  broken[FRAME_HEADER_BYTES] = 0;
  expect(errorOf(broken)).toEqual({ kind: "error", error: "not-json" });
});
