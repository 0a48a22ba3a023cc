/** The confirmation dialog: y or n for what can be undone, the typed name for what hurts. Pure. */
import { unreachable } from "../src/lib/result.ts";
import type { Dialog, DialogField, Intent, Model, Step } from "./model.ts";
import { describeOrder, type OrderView } from "./orders.ts";
import { editText, pasteText } from "./prompt.ts";

export function openDialog(model: Model, intent: Intent, reason = "", number = ""): Model {
  const dialog: Dialog = { intent, reason, typed: "", number, field: null };
  const view = describeOrder(model, dialog);
  if (view === null) return model;
  return { ...model, layer: { kind: "dialog", dialog: { ...dialog, field: firstField(dialog, view) } } };
}

export function reduceDialogKey(model: Model, dialog: Dialog, key: string): Step {
  const view = describeOrder(model, dialog);
  if (key === "escape" || view === null) return close(model);
  const fields = fieldsOf(dialog, view);
  // What was a matter of y may have become one of the typed name while the dialog stood open.
  const field = dialog.field !== null && !fields.includes(dialog.field) ? null : dialog.field;
  if (key === "tab" || key === "shift-tab") return show(model, { ...dialog, field: nextField(fields, field, view) });
  if (key === "enter" && mayConfirm(dialog, view, field)) return confirm(model, view);
  if (key === "enter") return show(model, { ...dialog, field: firstField(dialog, view) });
  if (field === null) return reducePlainKey(model, dialog, view, key);
  const text = editText(fieldText(dialog, field), key);
  return text === null ? { model, effects: [] } : show(model, withText(dialog, field, text));
}

export function reduceDialogPaste(dialog: Dialog, text: string): Dialog {
  // A pasted name would defeat the purpose of typing it.
  if (dialog.field === null || dialog.field === "typed") return dialog;
  return withText(dialog, dialog.field, pasteText(fieldText(dialog, dialog.field), text));
}

/** The fields that Tab goes through. */
export function fieldsOf(dialog: Dialog, view: OrderView): readonly DialogField[] {
  const fields: DialogField[] = [];
  if (view.takesReason) fields.push("reason");
  if (dialog.intent.kind === "weight") fields.push("number");
  if (view.word !== null) fields.push("typed");
  return fields;
}

function reducePlainKey(model: Model, dialog: Dialog, view: OrderView, key: string): Step {
  if (key === "y" && view.word === null && view.obstacle === null && dialog.intent.kind !== "weight") {
    return confirm(model, view);
  }
  if (key === "n" || key === "q") return close(model);
  if (key === "r" && view.takesReason) return show(model, { ...dialog, field: "reason" });
  return { model, effects: [] };
}

/** Enter is an answer only where something was typed for it. */
function mayConfirm(dialog: Dialog, view: OrderView, field: DialogField | null): boolean {
  if (view.obstacle !== null) return false;
  if (view.word !== null) return dialog.typed === view.word;
  return field === "number";
}

function confirm(model: Model, view: OrderView): Step {
  return { model: { ...model, layer: { kind: "none" } }, effects: [{ kind: "order", order: view.order }] };
}

function close(model: Model): Step {
  return { model: { ...model, layer: { kind: "none" } }, effects: [] };
}

function show(model: Model, dialog: Dialog): Step {
  return { model: { ...model, layer: { kind: "dialog", dialog } }, effects: [] };
}

function firstField(dialog: Dialog, view: OrderView): DialogField | null {
  if (dialog.intent.kind === "weight" && dialog.number === "") return "number";
  if (view.word !== null && view.obstacle === null) return "typed";
  return dialog.intent.kind === "weight" ? "number" : null;
}

function nextField(fields: readonly DialogField[], field: DialogField | null, view: OrderView): DialogField | null {
  const at = field === null ? -1 : fields.indexOf(field);
  const next = fields[at + 1];
  if (next !== undefined) return next;
  // Back to y and n where they answer; else around.
  return view.word === null && !fields.includes("number") ? null : (fields[0] ?? null);
}

function fieldText(dialog: Dialog, field: DialogField): string {
  switch (field) {
    case "reason":
      return dialog.reason;
    case "typed":
      return dialog.typed;
    case "number":
      return dialog.number;
    default:
      return unreachable(field);
  }
}

function withText(dialog: Dialog, field: DialogField, text: string): Dialog {
  switch (field) {
    case "reason":
      return { ...dialog, reason: text };
    case "typed":
      return { ...dialog, typed: text };
    case "number":
      return { ...dialog, number: text.replace(/\D/g, "").slice(0, 3) };
    default:
      return unreachable(field);
  }
}
