/** Events as log lines. */
import { expect, test } from "bun:test";
import type { BallastEvent } from "../../../src/admin/api.ts";
import { eventLine } from "../../../src/log/event-line.ts";

const event: BallastEvent = {
  id: 1,
  wallMs: 0,
  level: "notice",
  source: "vrrp",
  kind: "vrrp.state",
  object: "web",
  text: "",
  fields: { instance: "web", from: "backup", to: "master" },
};

test("eventLine writes kind and fields, and the object once", () => {
  expect(eventLine(event)).toBe("vrrp.state instance=web from=backup to=master source=vrrp");
  expect(eventLine({ ...event, fields: {} })).toBe("vrrp.state object=web source=vrrp");
});

test("eventLine quotes what is not one word", () => {
  expect(eventLine({ ...event, fields: { instance: "web", reason: 'he said "no"', empty: "" } })).toBe(
    String.raw`vrrp.state instance=web reason="he said \"no\"" empty="" source=vrrp`,
  );
});

test("eventLine lets no control character through", () => {
  const line = eventLine({ ...event, object: "", fields: {}, text: "a\nvrrp.state \u001b[2J" });
  expect(line).toBe(String.raw`vrrp.state source=vrrp text="a\\x0avrrp.state \\x1b[2J"`);
});
