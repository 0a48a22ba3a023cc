/** Headers of log lines in each format. */
import { describe, expect, test } from "bun:test";
import type { LogFormat } from "../../../src/config/types.ts";
import { LogHeaders } from "../../../src/log/header.ts";
import { logLevelOf, priorityOf, severityOf } from "../../../src/log/priority.ts";

const identity = { tag: "ballast", pid: 4711, host: "lb1" };
const AT = Date.UTC(2026, 10, 5, 23, 22, 22, 75);

function headers(format: LogFormat, withHost = true, offsetMinutes = 0): LogHeaders {
  return new LogHeaders({ format, facility: "local0", withHost }, identity, () => offsetMinutes);
}

function text(made: LogHeaders, wallMs: number, severity = 6): string {
  return new TextDecoder().decode(made.at(wallMs, severity));
}

describe("LogHeaders", () => {
  test("rfc3164 pads the day with a blank", () => {
    expect(text(headers("rfc3164"), AT)).toBe("<134>Nov  5 23:22:22 lb1 ballast[4711]: ");
  });
  test("rfc3164 leaves the host out on a local socket", () => {
    expect(text(headers("rfc3164", false), AT)).toBe("<134>Nov  5 23:22:22 ballast[4711]: ");
  });
  test("rfc5424 has milliseconds and the zone", () => {
    expect(text(headers("rfc5424", true, -210), AT)).toBe("<134>1 2026-11-05T19:52:22.075-03:30 lb1 ballast 4711 - - ");
  });
  test("plain names the level", () => {
    expect(text(headers("plain"), AT, severityOf("notice"))).toBe("2026-11-05T23:22:22.075Z notice ");
  });
  test("at keeps the second and follows milliseconds, seconds and severities", () => {
    const made = headers("plain");
    expect(text(made, AT)).toContain("22.075Z info");
    expect(text(made, AT + 900)).toContain("22.975Z info");
    expect(text(made, AT + 925)).toContain("23.000Z info");
    expect(text(made, AT + 925, severityOf("err"))).toContain("23.000Z err");
  });
});

test("priorityOf is facility × 8 + severity", () => {
  expect(priorityOf("kern", 0)).toBe(0);
  expect(priorityOf("local7", 7)).toBe(191);
  expect(() => priorityOf("nonsense", 0)).toThrow("nonsense");
  expect(logLevelOf("error")).toBe("err");
});
