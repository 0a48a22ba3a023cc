/** Sequence numbers of authentication headers: what a sender counts, and what it takes for a repetition. */
import { expect, test } from "bun:test";
import { addressBytes } from "../../../src/net/address.ts";
import { instanceSettings } from "../../../src/vrrp/settings.ts";
import type { AdvertPort } from "../../../src/vrrp/shell/advert-port.ts";
import { AdvertSender } from "../../../src/vrrp/shell/advert-sender.ts";
import { configWith } from "./configs.ts";

const OWN = addressBytes("10.0.0.2");

/** A sender, the numbers that it sent, and what the next node says of one of them. */
function senderWithNumbers(): { readonly sender: AdvertSender; readonly sent: number[] } {
  const sent: number[] = [];
  const port: AdvertPort = {
    interfaceIndex: 2,
    drain: () => undefined,
    send: (_, __, seal) => sent.push(seal?.sequence ?? -1),
    close: () => undefined,
  };
  const settings = instanceSettings(configWith({ authPassword: "s3cret", authType: "ah" }));
  return { sender: new AdvertSender(settings, () => port), sent };
}

const advertise = (sender: AdvertSender): unknown => sender.send("main", 100, OWN);

test("AdvertSender goes on from the highest number that was heard", () => {
  const { sender, sent } = senderWithNumbers();
  advertise(sender);
  sender.heard(41);
  advertise(sender);
  advertise(sender);
  expect(sent).toEqual([1, 42, 43]);
});

test("AdvertSender takes every number that was heard for a repetition", () => {
  const { sender } = senderWithNumbers();
  expect(sender.lastSequence).toBe(0);
  sender.heard(41);
  expect(sender.lastSequence).toBe(41);
});

test("AdvertSender does not take its own last number for one: the other node may have been elected just then", () => {
  const { sender, sent } = senderWithNumbers();
  advertise(sender);
  expect(sent).toEqual([1]);
  expect(sender.lastSequence).toBe(0);
  advertise(sender);
  expect(sender.lastSequence).toBe(1);
  sender.heard(7);
  advertise(sender);
  expect(sender.lastSequence).toBe(7);
});
