import { expect, test } from "bun:test";
import { addressBytes } from "../../../src/net/address.ts";
import { type Advert, decodeAdvert, encodeAdvert, type Ends } from "../../../src/vrrp/wire.ts";

const IPV4: Ends = { source: addressBytes("192.0.2.252"), destination: addressBytes("224.0.0.18") };
const IPV6: Ends = { source: addressBytes("fe80::fc"), destination: addressBytes("ff02::12") };
const bytesOf = (...addresses: string[]): Uint8Array =>
  Uint8Array.from(addresses.flatMap((address) => [...addressBytes(address)]));

/** Pairs from RFC-conforming senders: wire form and meaning. */
const PAIRS: readonly { readonly name: string; readonly hex: string; readonly ends: Ends; readonly advert: Advert }[] =
  [
    {
      name: "version 3 over IPv4 with the pseudo-header",
      hex: "310a9602006410fbc0000201c0000202",
      ends: IPV4,
      advert: {
        version: 3,
        virtualRouterId: 10,
        priority: 150,
        intervalMs: 1000,
        addressBytes: 4,
        addresses: bytesOf("192.0.2.1", "192.0.2.2"),
        auth: null,
      },
    },
    {
      name: "version 2 without authentication",
      hex: "21149601000186d3c00002150000000000000000",
      ends: IPV4,
      advert: {
        version: 2,
        virtualRouterId: 20,
        priority: 150,
        intervalMs: 1000,
        addressBytes: 4,
        addresses: bytesOf("192.0.2.21"),
        auth: { type: 0, data: new Uint8Array(8) },
      },
    },
    {
      name: "version 2 with a password",
      hex: "2114960101011887c00002157333637265743132",
      ends: IPV4,
      advert: {
        version: 2,
        virtualRouterId: 20,
        priority: 150,
        intervalMs: 1000,
        addressBytes: 4,
        addresses: bytesOf("192.0.2.21"),
        auth: { type: 1, data: new TextEncoder().encode("s3cret12") },
      },
    },
    {
      name: "version 3 over IPv6",
      hex: "313c960200640cf7fe80000000000000000000000000000120010db8000000000000000000000001",
      ends: IPV6,
      advert: {
        version: 3,
        virtualRouterId: 60,
        priority: 150,
        intervalMs: 1000,
        addressBytes: 16,
        addresses: bytesOf("fe80::1", "2001:db8::1"),
        auth: null,
      },
    },
  ];

function encoded(advert: Advert, ends: Ends): Uint8Array {
  const bytes = new Uint8Array(4200);
  return bytes.slice(0, encodeAdvert(bytes, advert, ends));
}

for (const { name, hex, ends, advert } of PAIRS) {
  test(`encodeAdvert writes ${name}`, () => {
    expect(encoded(advert, ends).toHex()).toBe(hex);
  });

  test(`decodeAdvert reads ${name}`, () => {
    const bytes = Uint8Array.fromHex(hex);
    const checksumForm = advert.version === 3 ? "pseudo-header" : "message";
    expect(decodeAdvert(bytes, 0, bytes.length, ends)).toEqual({ ok: true, value: { advert, checksumForm } });
  });

  test(`decodeAdvert refuses every truncation of ${name}`, () => {
    const bytes = Uint8Array.fromHex(hex);
    for (let length = 0; length < bytes.length; length++) {
      expect(decodeAdvert(bytes, 0, length, ends).ok).toBe(false);
    }
  });

  test(`decodeAdvert refuses any single damaged byte of ${name}`, () => {
    for (let at = 0; at < hex.length / 2; at++) {
      const bytes = Uint8Array.fromHex(hex);
      bytes[at] ^= 0x5a;
      expect(decodeAdvert(bytes, 0, bytes.length, ends).ok).toBe(false);
    }
  });
}

test("decodeAdvert accepts the message-only checksum of RFC 9568 over IPv4 and says so", () => {
  const bytes = Uint8Array.fromHex("310a96020064b48ac0000201c0000202");
  expect(decodeAdvert(bytes, 0, bytes.length, IPV4)).toMatchObject({ ok: true, value: { checksumForm: "message" } });
});

test("decodeAdvert refuses a count of zero", () => {
  const bytes = encoded({ ...PAIRS[0].advert, addresses: new Uint8Array(0) }, IPV4);
  expect(decodeAdvert(bytes, 0, bytes.length, IPV4)).toEqual({ ok: false, error: "count" });
});

test("encodeAdvert and decodeAdvert agree on random adverts", () => {
  let seed = 1;
  const random = (limit: number): number => {
    seed = (seed * 48271) % 0x7fffffff;
    return seed % limit;
  };
  for (let round = 0; round < 500; round++) {
    const version = random(2) === 0 ? 2 : 3;
    const family = version === 2 || random(2) === 0 ? IPV4 : IPV6;
    const addressSize = family === IPV4 ? 4 : 16;
    const advert: Advert = {
      version,
      virtualRouterId: 1 + random(255),
      priority: random(256),
      intervalMs: version === 2 ? 1000 * (1 + random(255)) : 10 * (1 + random(4095)),
      addressBytes: addressSize,
      addresses: Uint8Array.from({ length: addressSize * (1 + random(255)) }, () => random(256)),
      auth: version === 2 ? { type: random(2), data: Uint8Array.from({ length: 8 }, () => random(256)) } : null,
    };
    const bytes = encoded(advert, family);
    const decoded = decodeAdvert(bytes, 0, bytes.length, family);
    expect(decoded).toMatchObject({ ok: true, value: { advert } });
  }
});
