import type { BallastEvent } from "../../../src/admin/api.ts";
import type { MonoMs } from "../../../src/lib/time.ts";

export function eventOf(fields: Partial<BallastEvent> = {}): BallastEvent {
  return {
    id: 1,
    wallMs: Date.UTC(2026, 10, 20, 21, 34, 58),
    level: "warning",
    source: "supervisor",
    kind: "server.state",
    object: "app/web1",
    text: "app/web1 is DOWN: L4CON Connection refused",
    fields: { from: "up", to: "down" },
    ...fields,
  };
}

export function serverIs(to: "up" | "down", object = "app/web1"): BallastEvent {
  const text = `${object} is ${to.toUpperCase()}`;
  return eventOf({ object, text, level: to === "down" ? "warning" : "notice", fields: { to } });
}

export function at(ms: number): MonoMs {
  return ms as MonoMs;
}
