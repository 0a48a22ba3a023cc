import { expect, test } from "bun:test";
import { later, type MonoMs } from "../../../src/lib/time.ts";
import { addressBytes } from "../../../src/net/address.ts";
import { arpProbe, gratuitousArp } from "../../../src/net/arp.ts";
import { claimOf, Disputes } from "../../../src/vrrp/conflict.ts";

const NOW = 100_000 as MonoMs;
const LONG_AGO = 0 as MonoMs;
const VIP = addressBytes("192.0.2.10");
const MAC = Uint8Array.of(2, 0, 0, 0, 0, 7);
const claim = { address: VIP, mac: MAC };

test("claimOf takes gratuitous ARP and replies for claims, probes not", () => {
  expect(claimOf(gratuitousArp(MAC, VIP))).toEqual(claim);
  expect(claimOf(arpProbe(MAC, VIP))).toBeNull();
});

test("Disputes.take tells the first claim, then once in ten seconds, however many come", () => {
  const disputes = new Disputes();
  let told = 0;
  for (let i = 0; i < 20_000; i++) if (disputes.take(claim, LONG_AGO, later(NOW, i))) told++;
  expect(told).toBe(2);
  expect(disputes.claimant(VIP, later(NOW, 20_000))).toBe("02:00:00:00:00:07");
});

test("Disputes.take tells another claimant at once", () => {
  const disputes = new Disputes();
  expect(disputes.take(claim, LONG_AGO, NOW)).toBe(true);
  expect(disputes.take({ ...claim, mac: Uint8Array.of(2, 0, 0, 0, 0, 8) }, LONG_AGO, later(NOW, 1))).toBe(true);
});

test("Disputes.take says nothing about the last holder's frames right after the takeover", () => {
  const disputes = new Disputes();
  expect(disputes.take(claim, NOW, later(NOW, 500))).toBe(false);
  expect(disputes.claimant(VIP, later(NOW, 500))).toBeNull();
});

test("Disputes forgets a claim that is not repeated, and keeps a bounded number", () => {
  const disputes = new Disputes();
  disputes.take(claim, LONG_AGO, NOW);
  expect(disputes.claimant(VIP, later(NOW, 31_000))).toBeNull();
  let told = 0;
  for (let i = 0; i < 1000; i++) {
    if (disputes.take({ ...claim, address: Uint8Array.of(10, 0, i >> 8, i & 255) }, LONG_AGO, NOW)) told++;
  }
  expect(told).toBeLessThanOrEqual(64);
});
