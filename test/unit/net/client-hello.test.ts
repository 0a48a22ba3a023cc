import { expect, test } from "bun:test";
import { decodeClientHello } from "../../../src/net/client-hello.ts";

/** version, random, empty session id, one cipher suite, null compression, extensions. */
function hello(extensions: readonly number[]): Uint8Array {
  const body = [3, 3, ...Array.from({ length: 32 }, () => 7), 0, 0, 2, 0x13, 0x01, 1, 0];
  const all = [...body, extensions.length >> 8, extensions.length & 255, ...extensions];
  return Uint8Array.from([1, 0, all.length >> 8, all.length & 255, ...all]);
}

function serverName(name: string): number[] {
  const bytes = [...Buffer.from(name, "latin1")];
  const entry = [0, bytes.length >> 8, bytes.length & 255, ...bytes];
  return [0, 0, 0, entry.length + 2, 0, entry.length, ...entry];
}

function records(message: Uint8Array, fragmentBytes: number): Uint8Array {
  const out: number[] = [];
  for (let at = 0; at < message.length; at += fragmentBytes) {
    const part = message.subarray(at, at + fragmentBytes);
    out.push(22, 3, 1, part.length >> 8, part.length & 255, ...part);
  }
  return Uint8Array.from(out);
}

const decode = (bytes: Uint8Array) => decodeClientHello(bytes, 0, bytes.length);

test("decodeClientHello finds the server name in lower case", () => {
  const bytes = records(hello([0x00, 0x17, 0, 0, ...serverName("WWW.Example.com")]), 16_384);
  expect(decode(bytes)).toEqual({ kind: "hello", serverName: "www.example.com" });
});

test("decodeClientHello reads a message that is cut into many records", () => {
  const bytes = records(hello(serverName("a.test")), 5);
  expect(decode(bytes)).toEqual({ kind: "hello", serverName: "a.test" });
});

test("decodeClientHello needs more bytes at every truncation and never fails there", () => {
  const bytes = records(hello(serverName("a.test")), 40);
  for (let length = 0; length < bytes.length; length++) {
    expect(decode(bytes.subarray(0, length)).kind).toBe("incomplete");
  }
});

test("decodeClientHello answers null when no name was sent", () => {
  expect(decode(records(hello([]), 1000))).toEqual({ kind: "hello", serverName: null });
});

test.each([
  ["plain HTTP", Uint8Array.from(Buffer.from("GET / HTTP/1.1\r\n"))],
  ["a zero byte in the name", records(hello(serverName("a.test\0.evil")), 1000)],
  ["a list longer than the extension", records(hello([0, 0, 0, 3, 0, 9, 0]), 1000)],
  ["an empty name", records(hello(serverName("")), 1000)],
  ["another message", records(Uint8Array.of(2, 0, 0, 1, 0), 1000)],
])("decodeClientHello refuses %s", (_, bytes) => {
  expect(decode(bytes).kind).toBe("invalid");
});

test("decodeClientHello never fails on mutated bytes", () => {
  const good = records(hello(serverName("a.test")), 60);
  let seed = 7;
  for (let round = 0; round < 5000; round++) {
    const bytes = good.slice();
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    bytes[seed % bytes.length] = seed >>> 24;
    expect(["incomplete", "invalid", "hello"]).toContain(decode(bytes).kind);
  }
});
