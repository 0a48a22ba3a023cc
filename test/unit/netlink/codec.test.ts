import { expect, test } from "bun:test";
import { decodeAttributes, decodeError, decodeMessages, MessageWriter } from "../../../src/netlink/codec.ts";
import {
  ADDRESS_OWNER,
  type AddressRequest,
  decodeRoute,
  encodeAddress,
  encodeDeleteLink,
  encodeDump,
  encodeLinkUp,
  encodeNewMacvlan,
} from "../../../src/netlink/codec-route.ts";

const REQUEST: AddressRequest = {
  linkIndex: 7,
  family: 4,
  address: Uint8Array.of(192, 0, 2, 10),
  prefixLength: 24,
  scope: 0,
  broadcast: Uint8Array.of(192, 0, 2, 255),
  label: "eth0:v",
};

const hex = (spaced: string): string => spaced.replaceAll(" ", "");

function written(write: (writer: MessageWriter) => void): Uint8Array {
  const bytes = new Uint8Array(1024);
  const writer = new MessageWriter(bytes);
  write(writer);
  return bytes.slice(0, writer.length);
}

test("encodeDump asks for all links and the addresses of both families", () => {
  expect(written((writer) => encodeDump(writer, "links", 5)).toHex()).toBe(
    hex("20000000 1200 0103 05000000 00000000") + "00".repeat(16),
  );
  expect(written((writer) => encodeDump(writer, "addresses", 6)).toHex()).toBe(
    hex("18000000 1600 0103 06000000 00000000 0000000000000000"),
  );
});

test("encodeAddress sets an address with CREATE, REPLACE, label, broadcast and our tag", () => {
  const header = hex("44000000 1400 0505 09000000 00000000 0218000007000000");
  const addresses = hex("08000200c000020a 08000100c000020a");
  const rest = hex("0b000300657468303a760000 08000400c00002ff 05000b0070000000");
  expect(written((writer) => encodeAddress(writer, "add", REQUEST, 9)).toHex()).toBe(header + addresses + rest);
});

test("encodeAddress removes an address by local address and prefix only", () => {
  const wanted = hex("28000000 1500 0500 09000000 00000000 0218000007000000 08000200c000020a 08000100c000020a");
  expect(written((writer) => encodeAddress(writer, "remove", REQUEST, 9)).toHex()).toBe(wanted);
});

test("decodeRoute reads back the address that encodeAddress wrote", () => {
  const bytes = written((writer) => encodeAddress(writer, "add", REQUEST, 9));
  const messages = decodeMessages(bytes, bytes.length);
  if (!messages.ok) throw new Error(messages.error);
  expect(decodeRoute(bytes, messages.value[0])).toEqual({
    ok: true,
    value: {
      kind: "address",
      address: {
        linkIndex: 7,
        family: 4,
        address: REQUEST.address,
        prefixLength: 24,
        scope: 0,
        secondary: false,
        tentative: false,
        label: "eth0:v",
        owner: ADDRESS_OWNER,
      },
    },
  });
});

test("decodeRoute tells a running link from one without carrier, and what it stands on", () => {
  const link = (flags: number, baseIndex: number | null = null): unknown => {
    const bytes = written((writer) => {
      writer.begin(16, 0, 1);
      writer.u32(0);
      writer.u32(3);
      writer.u32(flags);
      writer.u32(0);
      writer.attributeText(3, "eth0");
      writer.attribute(1, Uint8Array.fromHex("02000000000a"));
      writer.attributeU32(4, 1500);
      if (baseIndex !== null) writer.attributeU32(5, baseIndex);
      writer.end();
    });
    const messages = decodeMessages(bytes, bytes.length);
    if (!messages.ok) throw new Error(messages.error);
    return decodeRoute(bytes, messages.value[0]);
  };
  const mac = Uint8Array.fromHex("02000000000a");
  const wanted = { index: 3, name: "eth0", loopback: false, mtuBytes: 1500, mac, alias: null, baseIndex: null };
  expect(link(0x41)).toEqual({ ok: true, value: { kind: "link", link: { ...wanted, running: true } } });
  expect(link(0x01)).toEqual({ ok: true, value: { kind: "link", link: { ...wanted, running: false } } });
  const macvlan = { ...wanted, running: true, baseIndex: 2 };
  expect(link(0x41, 2)).toEqual({ ok: true, value: { kind: "link", link: macvlan } });
});

test("encodeNewMacvlan asks for a private macvlan interface with a MAC address", () => {
  const macvlan = { name: "vrrp.51", baseIndex: 7, mac: Uint8Array.fromHex("00005e000133") };
  const wanted = hex(
    "5c000000 1000 0506 09000000 00000000 00000000 00000000 00000000 00000000" +
      "0c000300 767272702e353100 08000500 07000000 0a000100 00005e0001330000" +
      "1c001200 0c000100 6d6163766c616e00 0c000200 08000100 01000000",
  );
  expect(written((writer) => encodeNewMacvlan(writer, macvlan, 9)).toHex()).toBe(wanted);
});

test("encodeLinkUp and encodeDeleteLink name the interface by its index; the note of the one reads back", () => {
  const up = written((writer) => encodeLinkUp(writer, 7, "ballast vmac 0 0", 9));
  expect(up.toHex().slice(0, 64)).toBe(hex("38000000 1000 0500 09000000 00000000 00000000 07000000 01000000 01000000"));
  const messages = decodeMessages(up, up.length);
  if (!messages.ok) throw new Error(messages.error);
  const fact = decodeRoute(up, messages.value[0]);
  expect(fact).toMatchObject({ ok: true, value: { link: { index: 7, alias: "ballast vmac 0 0" } } });
  const gone = written((writer) => encodeDeleteLink(writer, 7, 9)).toHex();
  expect(gone).toBe(hex("20000000 1100 0500 09000000 00000000 00000000 07000000 00000000 00000000"));
});

test("decodeMessages splits a batch and refuses every truncation", () => {
  const bytes = written((writer) => {
    encodeAddress(writer, "add", REQUEST, 1);
    encodeDump(writer, "links", 2);
  });
  const whole = decodeMessages(bytes, bytes.length);
  expect(whole.ok && whole.value.map((message) => message.sequence)).toEqual([1, 2]);
  for (let length = 1; length < bytes.length; length++) {
    if (length === 0x44) continue; // the end of the first message
    expect(decodeMessages(bytes, length).ok).toBe(false);
  }
});

test("decodeAttributes refuses a length that leaves its message", () => {
  for (const hex of ["0300010000000000", "ff00010000000000", "0000010000000000"]) {
    expect(decodeAttributes(Uint8Array.fromHex(hex), 0, 8)).toEqual({ ok: false, error: "attribute_length" });
  }
});

test("decodeError answers the positive errno, zero for an acknowledgement", () => {
  const read = (hex: string): unknown => {
    const bytes = Uint8Array.fromHex("14000000020000000100000000000000" + hex);
    const messages = decodeMessages(bytes, bytes.length);
    if (!messages.ok) throw new Error(messages.error);
    return decodeError(bytes, messages.value[0]);
  };
  expect(read("efffffff")).toEqual({ ok: true, value: 17 });
  expect(read("00000000")).toEqual({ ok: true, value: 0 });
});

test("MessageWriter stops at the end of its buffer", () => {
  const writer = new MessageWriter(new Uint8Array(20));
  expect(() => encodeDump(writer, "links", 1)).toThrow("too small");
});
