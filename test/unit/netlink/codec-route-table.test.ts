import { expect, test } from "bun:test";
import {
  decodeTable,
  encodeTableDump,
  type TableFact,
  type TableRoute,
} from "../../../src/netlink/codec-route-table.ts";
import { decodeMessages, MessageWriter } from "../../../src/netlink/codec.ts";
import { addressBytes } from "../../../src/net/address.ts";

// Captured from a kernel 6.18; up0 is interface 3.
const captured = {
  inTable1000:
    "3c000000180000060b0a016b4b4f000002100000fc0300010000000008000f00e8030000080001000a09000008000500c63364fe0800040003000000",
  gone: "3c000000190000000b0a016b534f000002100000fc0300010000000008000f00e8030000080001000a09000008000500c63364fe0800040003000000",
  blackholeReplaces: "24000000180000019c0a016bb65f000002000000fe0300060000000008000f00fe000000",
  twoWays:
    "50000000180000060b0a016b4f4f000002100000fe0300010000000008000f00fe000000080001000a08000024000900100000000300000008000500c63364fd100000000300000008000500c63364fe",
  bothDown:
    "500000001800220009000000cf9d7dea02100000fe0300011000000008000f00fe000000080001000a08000024000900100010000300000008000500c63364fd100010000300000008000500c63364fe",
  linkDown:
    "3c0000001800220009000000cf9d7dea02180000fe02fd011000000008000f00fe00000008000100c633640008000700c63364010800040003000000",
  default6:
    "74000000180000060b0a016b514f00000a000000fe0300010000000008000f00fe00000008000600320000001400050020010db80000000000000000000000fe080004000300000024000c0000000000000000000000000000000000000000000000000000000000000000000500140000000000",
  byObject:
    "44000000180000060b0a016b574f000002100000fe0300010000000008000f00fe000000080001000a06000008001e000700000008000500c63364fe0800040003000000",
  objectGone: "30000000690005000b0a016b594f000002fd0000000000000800010007000000080005000300000008000600c63364fe",
} as const;

function decode(
  hex: string,
  isFollowed: Parameters<typeof decodeTable>[2] = () => true,
): ReturnType<typeof decodeTable> {
  const bytes = Uint8Array.fromHex(hex);
  const messages = decodeMessages(bytes, bytes.length);
  if (!messages.ok) throw new Error(messages.error);
  return decodeTable(bytes, messages.value[0], isFollowed);
}

function fact(hex: string): TableFact {
  const result = decode(hex);
  if (!result.ok) throw new Error(result.error);
  return result.value;
}

function route(hex: string): TableRoute {
  const told = fact(hex);
  if (told.kind !== "route" && told.kind !== "route_gone") throw new Error(told.kind);
  return told.route;
}

test("encodeTableDump asks for one family and table", () => {
  const bytes = new Uint8Array(64);
  const writer = new MessageWriter(bytes);
  encodeTableDump(writer, 4, 5555, 9);
  // Sent to a kernel, which answered with that table only.
  expect(bytes.subarray(0, writer.length).toHex()).toBe(
    "240000001a000103090000000000000002000000000000000000000008000f00b3150000",
  );
});

test("decodeTable reads a route of a big table and its end alike", () => {
  expect(fact(captured.inTable1000)).toEqual({
    kind: "route",
    replaces: false,
    route: {
      family: 4,
      table: 1000,
      to: addressBytes("10.9.0.0"),
      prefixLength: 16,
      kind: "unicast",
      leads: true,
      metric: 0,
      nexthops: [{ linkIndex: 3, alive: true }],
      nexthopObject: null,
      dead: false,
      source: null,
      identity: route(captured.gone).identity,
    },
  });
  expect(fact(captured.gone).kind).toBe("route_gone");
});

test("decodeTable tells a blackhole that takes another's place, for everything", () => {
  expect(fact(captured.blackholeReplaces)).toMatchObject({
    kind: "route",
    replaces: true,
    route: { to: addressBytes("0.0.0.0"), prefixLength: 0, kind: "blackhole", leads: false, nexthops: [] },
  });
});

test("decodeTable reads every way of a multipath route and which of them are down", () => {
  const up = route(captured.twoWays);
  const down = route(captured.bothDown);
  expect(up.nexthops).toEqual([
    { linkIndex: 3, alive: true },
    { linkIndex: 3, alive: true },
  ]);
  expect(down.nexthops.map(({ alive }) => alive)).toEqual([false, false]);
  expect(down.identity).toBe(up.identity);
  expect(route(captured.linkDown)).toMatchObject({
    nexthops: [{ linkIndex: 3, alive: false }],
    source: addressBytes("198.51.100.1"),
  });
});

test("decodeTable reads a default route of IPv6 with its metric", () => {
  expect(route(captured.default6)).toMatchObject({
    family: 6,
    to: addressBytes("::"),
    prefixLength: 0,
    metric: 50,
    nexthops: [{ linkIndex: 3, alive: true }],
  });
});

test("decodeTable names the nexthop object that a route goes by, and the one that was removed", () => {
  expect(route(captured.byObject)).toMatchObject({ nexthopObject: 7, nexthops: [{ linkIndex: 3, alive: true }] });
  expect(fact(captured.objectGone)).toEqual({ kind: "nexthop_object", id: 7 });
});

test("decodeTable asks with the place of the address, and passes over what nobody follows", () => {
  const asked: string[] = [];
  const result = decode(captured.inTable1000, (family, prefixLength, bytes, at) => {
    asked.push(`${family} ${bytes.subarray(at, at + 4).join(".")}/${prefixLength}`);
    return false;
  });
  expect(result).toEqual({ ok: true, value: { kind: "other" } });
  expect(asked).toEqual(["4 10.9.0.0/16"]);
  decode(captured.default6, (_family, _length, _bytes, at) => asked.push(String(at)) === 0);
  expect(asked[1]).toBe("-1");
});

test("decodeTable passes over routes that some packets only take, and entries of caches", () => {
  const changed = (at: number, value: number): string => {
    const bytes = Uint8Array.fromHex(captured.inTable1000);
    bytes[at] = value;
    return bytes.toHex();
  };
  const [fromLength, tos, flags] = [18, 19, 25];
  for (const at of [fromLength, tos]) expect(fact(changed(at, 8)).kind).toBe("other");
  expect(fact(changed(flags, 2)).kind).toBe("other");
});

test("decodeTable survives every truncation and every single wrong byte of a multipath route", () => {
  const whole = Uint8Array.fromHex(captured.twoWays);
  for (let length = 16; length < whole.length; length++) {
    const message = { type: 24, flags: 0, sequence: 0, port: 0, payloadStart: 16, payloadEnd: length };
    expect(() => decodeTable(whole, message, () => true)).not.toThrow();
  }
  const message = { type: 24, flags: 0, sequence: 0, port: 0, payloadStart: 16, payloadEnd: whole.length };
  for (let at = 16; at < whole.length; at++) {
    for (const value of [0, 1, 7, 0xff]) {
      const bytes = whole.slice();
      bytes[at] = value;
      expect(() => decodeTable(bytes, message, () => true)).not.toThrow();
    }
  }
});
