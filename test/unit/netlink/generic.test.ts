import { expect, test } from "bun:test";
import { decodeMessages, MessageWriter } from "../../../src/netlink/codec.ts";
import { beginGeneric, decodeFamily, decodeGeneric, encodeGetFamily } from "../../../src/netlink/generic.ts";
import { GenericSocket } from "../../../src/netlink/shell/generic-socket.ts";
import { SysError } from "../../../src/sys/errno.ts";

function written(write: (writer: MessageWriter) => void): Uint8Array {
  const bytes = new Uint8Array(256);
  const writer = new MessageWriter(bytes);
  write(writer);
  return bytes.slice(0, writer.length);
}

test("encodeGetFamily asks nlctrl for a name", () => {
  const wanted = "20000000 1000 0500 07000000 00000000 03010000 0900020049505653 00000000";
  expect(written((writer) => encodeGetFamily(writer, "IPVS", 7)).toHex()).toBe(wanted.replaceAll(" ", ""));
});

test("decodeFamily and decodeGeneric refuse every truncation instead of throwing", () => {
  const whole = written((writer) => {
    beginGeneric(writer, 16, 0, 1, 1, 2);
    writer.attributeU16(1, 35);
    writer.attributeText(2, "IPVS");
    writer.end();
  });
  for (let end = 16; end <= whole.length; end++) {
    const message = { type: 16, flags: 0, sequence: 1, port: 0, payloadStart: 16, payloadEnd: end };
    const family = decodeFamily(whole, message);
    expect([end, typeof family.ok]).toEqual([end, "boolean"]);
    if (end < 26) expect([end, family.ok]).toEqual([end, false]);
    if (end < 20) expect([end, decodeGeneric(whole, message).ok]).toEqual([end, false]);
  }
  const decoded = decodeMessages(whole, whole.length);
  if (!decoded.ok) throw new Error(decoded.error);
  expect(decodeFamily(whole, decoded.value[0])).toEqual({ ok: true, value: 35 });
});

test("GenericSocket finds the family that every kernel has, reads an answer and a dump of several messages", () => {
  const socket = new GenericSocket("nlctrl");
  try {
    expect(socket.family).toBe(16);
    const name = (text: string) => (writer: MessageWriter, family: number, flags: number, sequence: number) => {
      beginGeneric(writer, family, flags, sequence, 3, 1);
      writer.attributeText(2, text);
      writer.end();
    };
    const one = socket.ask(name("nlctrl"), "one");
    expect(typeof one === "number" ? one : one.map((message) => message.command)).toEqual([1]);
    expect(socket.ask(name("no such family"), "one")).toBe(2);
    const dump = socket.ask((writer, family, flags, sequence) => {
      beginGeneric(writer, family, flags, sequence, 3, 1);
      writer.end();
    }, "dump");
    const names =
      typeof dump === "number" ? [] : dump.map(({ attributes }) => new TextDecoder().decode(attributes.get(2)));
    expect(names).toContain("nlctrl\0");
    expect(names.length).toBeGreaterThan(1);
    expect(socket.request(name("nlctrl"))).toBe(0);
  } finally {
    socket.close();
  }
});

test("GenericSocket says that the kernel lacks a family", () => {
  let refusal: unknown = null;
  try {
    new GenericSocket("BALLAST-NONE").close();
  } catch (error) {
    refusal = error;
  }
  expect(refusal).toBeInstanceOf(SysError);
  expect((refusal as SysError).errno).toBe(2);
});
