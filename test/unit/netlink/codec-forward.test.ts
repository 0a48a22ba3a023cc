import { expect, test } from "bun:test";
import { encodeRoute, encodeRule, isOurForwardingGone, type RouteRequest } from "../../../src/netlink/codec-forward.ts";
import { decodeMessages, MessageWriter } from "../../../src/netlink/codec.ts";
import { addressBytes } from "../../../src/net/address.ts";

const hex = (text: string): string => text.replaceAll(" ", "");

function written(write: (writer: MessageWriter) => void): string {
  const bytes = new Uint8Array(new ArrayBuffer(512));
  const writer = new MessageWriter(bytes);
  write(writer);
  return bytes.subarray(0, writer.length).toHex();
}

const DEFAULT: RouteRequest = {
  family: 4,
  kind: "unicast",
  to: { address: addressBytes("0.0.0.0"), prefixLength: 0 },
  via: addressBytes("192.0.2.254"),
  linkIndex: 7,
  source: addressBytes("192.0.2.10"),
  metric: 5,
  table: 1000,
};

test("encodeRoute adds a default route of a big table exclusively, with our mark", () => {
  expect(written((writer) => encodeRoute(writer, "add", DEFAULT, 9))).toBe(
    hex(
      "44000000 1800 0506 09000000 00000000 02 00 00 00 fc 70 00 01 00000000" +
        "08000500 c00002fe 08000400 07000000 08000700 c000020a 08000600 05000000 08000f00 e8030000",
    ),
  );
});

test("encodeRoute removes a route whatever its scope; one without a gateway is of the link", () => {
  const near = { ...DEFAULT, to: { address: addressBytes("10.20.0.0"), prefixLength: 16 }, via: null, table: 254 };
  const bare = { ...near, source: null, metric: null };
  expect(written((writer) => encodeRoute(writer, "remove", bare, 9))).toBe(
    hex(
      "34000000 1900 0500 09000000 00000000 02 10 00 00 fe 70 ff 01 00000000" +
        "08000100 0a140000 08000400 07000000 08000f00 fe000000",
    ),
  );
  expect(written((writer) => encodeRoute(writer, "add", bare, 9)).slice(44, 46)).toBe("fd");
});

test("encodeRule looks up a table for packets from a network", () => {
  const rule = {
    family: 4,
    from: { address: addressBytes("10.0.0.0"), prefixLength: 8 },
    to: null,
    incoming: null,
    table: 100,
    priority: 1000,
  } as const;
  expect(written((writer) => encodeRule(writer, "add", rule, 9))).toBe(
    hex(
      "3c000000 2000 0506 09000000 00000000 02 00 08 00 64 00 00 01 00000000" +
        "08000200 0a000000 08000600 e8030000 08000f00 64000000 05001500 70000000",
    ),
  );
});

test("isOurForwardingGone tells the removal of a route or rule with our mark from others and from additions", () => {
  const rule = { family: 4, from: null, to: null, incoming: null, table: 100, priority: 5 } as const;
  const gone = (write: (writer: MessageWriter) => void, change: (bytes: Uint8Array) => void = () => {}): boolean => {
    const bytes = Uint8Array.fromHex(written(write));
    change(bytes);
    const messages = decodeMessages(bytes, bytes.length);
    return messages.ok && isOurForwardingGone(bytes, messages.value[0]);
  };
  expect(gone((writer) => encodeRoute(writer, "remove", DEFAULT, 9))).toBe(true);
  expect(gone((writer) => encodeRoute(writer, "add", DEFAULT, 9))).toBe(false);
  expect(
    gone(
      (writer) => encodeRoute(writer, "remove", DEFAULT, 9),
      (bytes) => (bytes[16 + 5] = 3),
    ),
  ).toBe(false);
  expect(gone((writer) => encodeRule(writer, "remove", rule, 9))).toBe(true);
  expect(gone((writer) => encodeRule(writer, "add", rule, 9))).toBe(false);
  // The mark of a rule is its last attribute.
  expect(
    gone(
      (writer) => encodeRule(writer, "remove", rule, 9),
      (bytes) => (bytes[bytes.length - 4] = 3),
    ),
  ).toBe(false);
});
