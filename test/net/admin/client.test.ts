/** The command line's client against the role: the two ends of `api.ts` agree. */
import { afterEach, expect, test } from "bun:test";
import type { BallastEvent } from "../../../src/admin/api.ts";
import { adminClient } from "../../../src/admin/client.ts";
import { AdminHarness } from "../../support/admin-harness.ts";
import { waitFor } from "../../support/wait.ts";

let harness: AdminHarness;

afterEach(() => harness.close());

test("adminClient reads snapshot, configuration and events, and gives orders", async () => {
  harness = await AdminHarness.start();
  const client = adminClient(harness.socket);
  harness.publish({ text: "first" });
  expect(await client.snapshot()).toMatchObject({ ok: true, value: { node: "lb1", mayWrite: true } });
  expect(await client.config({ defaults: true, json: true })).toMatchObject({ ok: true, value: { json: true } });
  expect(await client.request({ op: "reload" })).toEqual({ ok: true, value: { ok: true, text: "done: reload" } });
  harness.onOrder = () => ({ ok: false, kind: "config", text: "no", issues: ["a.toml:1:1: error: x"] });
  expect(await client.request({ op: "reload" })).toMatchObject({ ok: true, value: { ok: false, kind: "config" } });
  const events = await client.events(0);
  expect(events.ok && events.value.map((event) => event.kind)).toEqual(["test.event", "admin.order", "admin.order"]);
});

test("adminClient follow goes on where it was when the role has restarted", async () => {
  harness = await AdminHarness.start();
  const seen: BallastEvent[] = [];
  let lost = 0;
  const stop = adminClient(harness.socket).follow(0, {
    onEvent: (event) => void seen.push(event),
    onLost: () => void lost++,
    onConnected: () => undefined,
  });
  harness.publish({ text: "one" });
  await waitFor("the first event", () => seen.length === 1);
  await harness.killRole();
  await waitFor("the loss", () => lost > 0);
  await harness.startRole();
  harness.publish({ text: "two" });
  await waitFor("the second event", () => seen.length === 2);
  stop();
  expect(seen.map((event) => event.text)).toEqual(["one", "two"]);
});
