import { expect, test } from "bun:test";
import { alertJson, alertMail } from "../../../src/notify/alert-text.ts";
import { isWanted } from "../../../src/notify/alert-filter.ts";
import { eventOf, serverIs } from "./events.ts";

const sender = { node: "lb1", zoneMinutes: 60 };

test("alertMail of one event", () => {
  const mail = alertMail({ alerts: [{ event: eventOf(), changes: 1 }], omitted: 0 }, sender);
  expect(mail.subject).toBe("[lb1] server.state: app/web1 is DOWN: L4CON Connection refused");
  expect(mail.text).toBe(
    [
      "2026-11-20 22:34:58 warning server.state: app/web1 is DOWN: L4CON Connection refused",
      "",
      "-- ",
      "Ballast on lb1, times in UTC+01:00",
      "",
    ].join("\n"),
  );
});

test("alertMail of several puts the worst into the subject and counts changes and what is missing", () => {
  const alerts = [
    { event: serverIs("up", "app/web2"), changes: 1 },
    { event: serverIs("down", "app/web1"), changes: 3 },
  ];
  const mail = alertMail({ alerts, omitted: 7 }, { node: "lb1", zoneMinutes: -210 });
  expect(mail.subject).toBe("[lb1] server.state: app/web1 is DOWN (and 1 more)");
  expect(mail.text).toContain("app/web1 is DOWN (3 changes; this is the last)\n");
  expect(mail.text).toContain("further events, not listed: 7; see ballast events\n");
  expect(mail.text).toContain("times in UTC-03:30");
});

test("alertMail names the object when the text does not", () => {
  const event = eventOf({ kind: "role.hung", object: "vrrp", text: "silent for 2 s" });
  expect(alertMail({ alerts: [{ event, changes: 1 }], omitted: 0 }, sender).subject).toBe(
    "[lb1] role.hung: vrrp silent for 2 s",
  );
});

test("alertMail makes text from the network harmless and keeps the subject short", () => {
  const event = eventOf({ text: `app/web1 is DOWN: \r\nBcc: x@example.com\u001b[2J ${"x".repeat(500)}` });
  const mail = alertMail({ alerts: [{ event, changes: 1 }], omitted: 0 }, sender);
  for (const unsafe of ["\r", "\n", "\u001b"]) expect(mail.subject).not.toContain(unsafe);
  expect(mail.subject.length).toBe(120);
  expect(mail.text.split("\n")[0]).toContain(String.raw`\x0d\x0aBcc: x@example.com\x1b[2J`);
});

test("alertJson has the words for a chat and the events for a program", () => {
  const alerts = [
    { event: serverIs("down", "app/web1"), changes: 2 },
    { event: serverIs("up", "app/web2"), changes: 1 },
  ];
  const body = JSON.parse(alertJson({ alerts, omitted: 0 }, sender)) as Record<string, unknown>;
  expect(body["text"]).toBe(
    "[lb1] server.state: app/web1 is DOWN (and 1 more)\nserver.state: app/web1 is DOWN\nserver.state: app/web2 is UP",
  );
  expect(body["node"]).toBe("lb1");
  expect(body["events"]).toMatchObject([
    { kind: "server.state", object: "app/web1", time: "2026-11-20T21:34:58.000Z", changes: 2, fields: { to: "down" } },
    { object: "app/web2" },
  ]);
});

test.each([
  ["vrrp.state", ["vrrp.state"], true],
  ["server.state", ["server"], true],
  ["servers.state", ["server"], false],
  ["vrrp.advert", ["vrrp.state"], false],
  ["vrrp", ["vrrp.state"], false],
  ["notify.fail", ["notify", "notify.fail"], false],
  ["vrrp.state", [], false],
])("isWanted of %s with %j is %p", (kind, topics, wanted) => {
  expect(isWanted(kind, topics)).toBe(wanted);
});
