/** Against what the program nft sends for the same table: test/golden/nft, one message a line. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { decodeAnswers, elementMessages, encodeBatch, type NftMessage } from "../../../src/netlink/codec-nft.ts";
import { align4, decodeMessages, MessageWriter } from "../../../src/netlink/codec.ts";
import { addressBytes } from "../../../src/net/address.ts";
import { elementOf, tableMessages } from "../../../src/vrrp/accept-rules.ts";

const TABLE = "ballast_vrrp_4711";

function golden(name: string): readonly string[] {
  const text = readFileSync(join(import.meta.dir, "../../golden/nft", name), "utf8");
  return text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
}

/** Each message as hex; the flag that asks for an acknowledgement, which nft does without, is taken out. */
function written(messages: readonly NftMessage[], first = 0): readonly string[] {
  const bytes = new Uint8Array(new ArrayBuffer(64 * 1024));
  const writer = new MessageWriter(bytes);
  encodeBatch(writer, messages, first);
  const decoded = decodeMessages(bytes, writer.length);
  if (!decoded.ok) throw new Error(decoded.error);
  return decoded.value.map((message) => {
    const start = message.payloadStart - 16;
    bytes[start + 6] &= ~0x04;
    return bytes.subarray(start, start + align4(message.payloadEnd - start)).toHex();
  });
}

const VIP = addressBytes("192.0.2.10");
const OTHER_VIP = addressBytes("192.0.2.11");
const link = elementOf({ address: addressBytes("fe80::10"), interfaceName: "eth0" }).element.key;

/** User data of a set with composed keys: nft adds how each part is written, which nobody needs. */
const composedOrder = "0a000d000004000000000000";

describe("encodeBatch", () => {
  test("writes the table of accept = false as nft does", () => {
    const ours = written(tableMessages(TABLE, true));
    const theirs = golden("table.txt");
    expect(ours).toHaveLength(theirs.length);
    ours.forEach((message, i) => {
      if (message.endsWith(composedOrder)) {
        const common = message.length - composedOrder.length;
        expect(message.slice(8, common)).toBe(theirs[i].slice(8, common));
      } else expect(message).toBe(theirs[i]);
    });
  });

  test("adds and deletes elements and deletes the table as nft does", () => {
    const messages = [
      ...elementMessages("add_elements", TABLE, { set: "vips4", id: 1 }, [VIP, OTHER_VIP]),
      ...elementMessages("add_elements", TABLE, { set: "vips6", id: 2 }, [addressBytes("2001:db8::10")]),
      ...elementMessages("add_elements", TABLE, { set: "link_vips6", id: 3 }, [link]),
      ...elementMessages("delete_elements", TABLE, { set: "vips4", id: 1 }, [OTHER_VIP]),
      ...elementMessages("delete_elements", TABLE, { set: "link_vips6", id: 3 }, [link]),
      { kind: "delete_table", table: TABLE } as const,
    ];
    expect(written(messages)).toEqual(golden("elements.txt"));
  });

  test("asks for one acknowledgement, of the last message before the end", () => {
    const bytes = new Uint8Array(new ArrayBuffer(1024));
    const writer = new MessageWriter(bytes);
    const table = { kind: "delete_table", table: TABLE } as const;
    encodeBatch(writer, [table, table], 41);
    const decoded = decodeMessages(bytes, writer.length);
    const seen = decoded.ok ? decoded.value.map(({ sequence, flags }) => [sequence, flags]) : [];
    expect(seen).toEqual([
      [41, 1],
      [42, 1],
      [43, 5],
      [44, 1],
    ]);
  });
});

test("elementMessages fills several messages when one cannot hold all", () => {
  const keys = Array.from({ length: 300 }, (_, i) => Uint8Array.of(192, 0, i >> 8, i & 0xff));
  const messages = elementMessages("add_elements", TABLE, { set: "vips4", id: 1 }, keys);
  expect(messages.map((message) => ("keys" in message ? message.keys.length : 0))).toEqual([128, 128, 44]);
  expect(written(messages)).toHaveLength(5);
  expect(elementMessages("add_elements", TABLE, { set: "vips4", id: 1 }, [])).toEqual([]);
});

describe("decodeAnswers", () => {
  const refusal = "24000000 0200 0000 07000000 00000000 ffffffff 10000000 000a 0500 07000000 00000000";
  const done = "24000000 0200 0001 09000000 00000000 00000000 10000000 000a 0500 09000000 00000000";
  const bytes = Uint8Array.fromHex((refusal + done).replaceAll(" ", ""));

  test("gives the errno for each sequence number, 0 for what was acknowledged", () => {
    expect(decodeAnswers(bytes, bytes.length)).toEqual([
      { sequence: 7, errno: 1 },
      { sequence: 9, errno: 0 },
    ]);
  });

  test("gives nothing for what was cut short", () => {
    for (let length = 1; length < bytes.length; length++) {
      const answers = decodeAnswers(bytes, length);
      expect(answers === null || length === 36).toBe(true);
    }
  });
});
