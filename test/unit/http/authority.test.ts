import { expect, test } from "bun:test";
import { isAuthority } from "../../../src/http/authority.ts";
import { latin1 } from "./material.ts";

function accepts(text: string): boolean {
  const bytes = latin1(` ${text} `);
  return isAuthority(bytes, 1, bytes.length - 1);
}

test.each([
  "a",
  "www.example.com",
  "a_b-c.d~",
  "a.",
  "10.0.0.1:8080",
  "a:",
  "a:0",
  "a:65535",
  "[::]",
  "[::1]:443",
  "[1::]",
  "[2001:DB8:0:0:0:0:0:1]",
  "[1:2:3:4:5:6:7::]",
  "[::ffff:192.0.2.1]",
  "[1:2:3:4:5:6:1.2.3.4]",
])("isAuthority accepts %j", (text) => {
  expect(accepts(text)).toBe(true);
});

test.each([
  "",
  ":80",
  "a b",
  "a,b",
  "a/b",
  "a?b",
  "a#b",
  "u@a",
  "a%41",
  "a\xe9",
  "a:65536",
  "a:8x",
  "a:1:2",
  "::1",
  "[::1",
  "[]",
  "[:]",
  "[:1]",
  "[1:]",
  "[1]",
  "[:::1]",
  "[1::2::3]",
  "[1:2:3:4:5:6:7:8:9]",
  "[1:2:3:4:5:6:7:8::]",
  "[12345::]",
  "[::g]",
  "[::1%25eth0]",
  "[::1]x",
  "[v1.a]",
  "[::1.2.3]",
  "[::1.2.3.256]",
  "[::1.2.3.04]",
  "[::1.2.3.4:5]",
  "[1:2:3:4:5:6:7:1.2.3.4]",
])("isAuthority refuses %j", (text) => {
  expect(accepts(text)).toBe(false);
});
