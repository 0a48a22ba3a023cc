/** The one line that answers a key: it stays a while and goes by itself. Pure. */
import type { Tone } from "../src/lib/text-table.ts";
import { type Model, NOTICE_MS } from "./model.ts";

export function notify(model: Model, text: string, tone: Tone): Model {
  return { ...model, notice: { text, tone, untilMs: model.nowMs + NOTICE_MS } };
}
