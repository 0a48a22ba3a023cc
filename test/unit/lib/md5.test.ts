import { expect, test } from "bun:test";
import { hmacMd5, md5 } from "../../../src/lib/md5.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test("md5 gives the digests of RFC 1321, appendix A.5", () => {
  const suite = {
    "": "d41d8cd98f00b204e9800998ecf8427e",
    a: "0cc175b9c0f1b6a831c399e269772661",
    abc: "900150983cd24fb0d6963f7d28e17f72",
    "message digest": "f96b697d7cb7938d525a2f31aaf161d0",
    abcdefghijklmnopqrstuvwxyz: "c3fcd3d76192e4007dfb496cca67e13b",
    ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789: "d174ab98d277d9f5a5611c2c9f419d9f",
    [`${"1234567890".repeat(8)}`]: "57edf4a22be3c955ac49da2e2107b67a",
  };
  for (const [text, digest] of Object.entries(suite)) expect(md5(bytes(text)).toHex()).toBe(digest);
});

test("hmacMd5 gives the codes of RFC 2202, section 2", () => {
  const suite = [
    [new Uint8Array(16).fill(0x0b), bytes("Hi There"), "9294727a3638bb1c13f48ef8158bfc9d"],
    [bytes("Jefe"), bytes("what do ya want for nothing?"), "750c783e6ab0b503eaa86e310a5db738"],
    [new Uint8Array(16).fill(0xaa), new Uint8Array(50).fill(0xdd), "56be34521d144c88dbb8c733f0e8b3f6"],
    [
      new Uint8Array(80).fill(0xaa),
      bytes("Test Using Larger Than Block-Size Key - Hash Key First"),
      "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd",
    ],
  ] as const;
  for (const [key, message, code] of suite) expect(hmacMd5(key, message).toHex()).toBe(code);
});
