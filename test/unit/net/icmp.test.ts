import { expect, test } from "bun:test";
import { foldChecksum, sumWords } from "../../../src/net/checksum.ts";
import { decodeEchoReply, encodeEcho, encodeEchoRequest, isEchoReply } from "../../../src/net/icmp.ts";

test("encodeEcho writes a request with its checksum, and leaves ICMPv6's to the kernel", () => {
  const four = encodeEcho(4, 0x1234, 7);
  expect(foldChecksum(sumWords(four, 0, four.length, 0))).toBe(0);
  expect(four.toHex().slice(0, 4) + four.toHex().slice(8, 16)).toBe("080012340007");
  expect(encodeEcho(6, 0x1234, 7).toHex().slice(0, 16)).toBe("8000000012340007");
});

test("isEchoReply takes the reply to this request only, behind an IP header of any length", () => {
  const reply = (header: string, type: string, rest = "12340007"): Uint8Array =>
    Uint8Array.fromHex(`${header}${type}00ffff${rest}`);
  const short = `45${"00".repeat(19)}`;
  const long = `46${"00".repeat(23)}`;
  const is = (bytes: Uint8Array, family: 4 | 6 = 4): boolean => isEchoReply(family, bytes, bytes.length, 0x1234, 7);
  expect([is(reply(short, "00")), is(reply(long, "00")), is(reply("", "81"), 6)]).toEqual([true, true, true]);
  expect([is(reply(short, "08")), is(reply(short, "00", "12340008")), is(reply("", "80"), 6)]).toEqual([
    false,
    false,
    false,
  ]);
  for (let length = 0; length < 28; length++) {
    expect([length, isEchoReply(4, reply(short, "00"), length, 0x1234, 7)]).toEqual([length, false]);
  }
});

// Captured from raw sockets on the loopback interface: question and answer.
const captured = {
  4: {
    request: "080097ef12340007746f6b656e",
    reply: "45000021076e00004001756c7f0000017f00000100009fef12340007746f6b656e",
  },
  6: { request: "8000000012340007746f6b656e", reply: "81001ea612340007746f6b656e" },
} as const;
const TOKEN = new TextEncoder().encode("token");

test.each([4, 6] as const)("encodeEchoRequest and decodeEchoReply speak with an IPv%d kernel", (family) => {
  expect(encodeEchoRequest(family, 0x1234, 7, TOKEN).toHex()).toBe(captured[family].request);
  const reply = Uint8Array.fromHex(captured[family].reply);
  const decoded = decodeEchoReply(family, reply, reply.length);
  expect(decoded).toEqual({ ok: true, value: { identifier: 0x1234, sequence: 7, data: TOKEN } });
});

test("decodeEchoReply says why it refuses: cut short, a request, a wrong checksum", () => {
  const reply = Uint8Array.fromHex(captured[4].reply);
  for (let length = 0; length < reply.length; length++) expect(decodeEchoReply(4, reply, length).ok).toBe(false);
  for (let length = 0; length < 8; length++) {
    expect(decodeEchoReply(6, Uint8Array.fromHex(captured[6].reply), length)).toEqual({
      ok: false,
      error: "echo_short",
    });
  }
  const request = Uint8Array.fromHex(captured[6].request);
  expect(decodeEchoReply(6, request, request.length)).toEqual({ ok: false, error: "echo_type" });
  reply[reply.length - 1] ^= 1;
  expect(decodeEchoReply(4, reply, reply.length)).toEqual({ ok: false, error: "echo_checksum" });
});
