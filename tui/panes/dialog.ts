/** The confirmation: what, what would follow, the equal command, and how to answer. */
import { truncateCells } from "../../src/lib/display-width.ts";
import { panel, PANEL_COLUMNS, PANEL_ROWS } from "../components/panel.ts";
import type { Dialog, DialogField, Model } from "../model.ts";
import { describeOrder, type OrderView } from "../orders.ts";
import { shown, spread, wrapWords } from "../text.ts";
import type { Theme } from "../theme.ts";

const DIALOG_COLUMNS = 72;

export interface DialogBox {
  readonly lines: readonly string[];
  readonly left: number;
  readonly top: number;
}

/** The dialog in the middle of the screen; null when none is open. */
export function dialogBox(model: Model, theme: Theme): DialogBox | null {
  if (model.layer.kind !== "dialog") return null;
  const { dialog } = model.layer;
  const view = describeOrder(model, dialog);
  if (view === null) return null;
  const width = Math.min(DIALOG_COLUMNS, model.size.columns - 4);
  const inner = width - PANEL_COLUMNS;
  const body = bodyLines(theme, dialog, view, inner);
  const room = model.size.rows - 6 - PANEL_ROWS;
  const answer = answerLine(theme, dialog, view, inner);
  // The answer line is never what is cut.
  const lines = body.length + 1 > room ? [...body.slice(0, room - 1), answer] : [...body, answer];
  const height = lines.length + PANEL_ROWS;
  return {
    lines: panel(theme, { title: shown(theme, view.title), lines, width, height, focused: true }),
    left: Math.floor((model.size.columns - width) / 2),
    top: Math.max(3, Math.floor((model.size.rows - height) / 2)),
  };
}

function bodyLines(theme: Theme, dialog: Dialog, view: OrderView, width: number): readonly string[] {
  const sentences = view.lines.flatMap(({ text, tone }) =>
    wrapWords(shown(theme, text), width).map((line) => theme.paint(tone, line)),
  );
  const command = truncateCells(shown(theme, view.command), width - 10, theme.ellipsis);
  const fields: string[] = [];
  if (view.takesReason) fields.push(fieldLine(theme, dialog, "reason", "reason:", dialog.reason, width));
  if (dialog.intent.kind === "weight")
    fields.push(fieldLine(theme, dialog, "number", "weight (0-256):", dialog.number, width));
  const obstacle = view.obstacle === null ? [] : [theme.paint("warn", shown(theme, view.obstacle)), ""];
  return [
    ...sentences,
    ...(sentences.length > 0 ? [""] : []),
    `same as:  ${command}`,
    "",
    ...fields,
    ...(fields.length > 0 ? [""] : []),
    ...obstacle,
  ];
}

function fieldLine(
  theme: Theme,
  dialog: Dialog,
  field: DialogField,
  label: string,
  text: string,
  width: number,
): string {
  const active = dialog.field === field;
  const room = width - label.length - 2;
  const value = shown(theme, text);
  const seen = value.length > room - 1 ? value.slice(value.length - room + 1) : value;
  if (active) return `${theme.paint("strong", label)} ${seen}_`;
  return `${label} ${seen === "" ? theme.paint("quiet", field === "reason" ? "none (r or Tab to type one)" : "-") : seen}`;
}

function answerLine(theme: Theme, dialog: Dialog, view: OrderView, width: number): string {
  if (view.obstacle !== null && dialog.field !== "number") return spread(theme, "", "Esc close", width);
  if (view.word !== null) {
    const right = dialog.typed === view.word ? theme.paint("bad", `Enter ${view.verb}`) : "Esc cancel";
    const typed = `${shown(theme, dialog.typed)}${dialog.field === "typed" ? "_" : ""}`;
    return spread(theme, `type  ${theme.paint("strong", shown(theme, view.word))}  to confirm: ${typed}`, right, width);
  }
  if (dialog.intent.kind === "weight") return spread(theme, "", `Esc cancel   Enter ${view.verb}`, width);
  if (dialog.field === "reason") return spread(theme, "Enter keeps the reason", "Esc cancel", width);
  return spread(theme, "", `y ${view.verb}   n cancel`, width);
}
