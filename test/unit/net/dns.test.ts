import { expect, test } from "bun:test";
import { decodeDnsAnswer, encodeDnsQuery, isDnsName } from "../../../src/net/dns.ts";

test("encodeDnsQuery writes a question with recursion desired", () => {
  const hex = encodeDnsQuery(0x1234, "example.com", "MX").toHex();
  expect(hex).toBe("123401000001000000000000076578616d706c6503636f6d00000f0001");
  expect(encodeDnsQuery(1, ".", "SOA").toHex()).toBe("0001010000010000000000000000060001");
});

test("decodeDnsAnswer names the response code, and refuses what is no answer to the question", () => {
  const answer = (flags: string, id = "1234"): Uint8Array => Uint8Array.fromHex(`${id}${flags}0001000000000000`);
  expect(decodeDnsAnswer(answer("8180"), 12, 0x1234)).toEqual({ ok: true, value: "NOERROR" });
  expect(decodeDnsAnswer(answer("8183"), 12, 0x1234)).toEqual({ ok: true, value: "NXDOMAIN" });
  expect(decodeDnsAnswer(answer("818f"), 12, 0x1234)).toEqual({ ok: true, value: "RCODE 15" });
  expect(decodeDnsAnswer(answer("0100"), 12, 0x1234)).toEqual({ ok: false, error: "dns_no_response" });
  expect(decodeDnsAnswer(answer("8180", "1235"), 12, 0x1234)).toEqual({ ok: false, error: "dns_other_id" });
  for (let length = 0; length < 12; length++) {
    expect(decodeDnsAnswer(answer("8180"), length, 0x1234)).toEqual({ ok: false, error: "dns_short" });
  }
});

test("isDnsName takes labels of 1–63 characters and the root", () => {
  const names = [".", "example.com", "example.com.", "_sip._udp.example.com", "a".repeat(63)];
  expect(names.map((name) => isDnsName(name))).toEqual(names.map(() => true));
  const others = ["", "a..b", ".a", "a b", "a".repeat(64), Array.from({ length: 90 }, () => "abc").join(".")];
  expect(others.map((name) => isDnsName(name))).toEqual(others.map(() => false));
});
