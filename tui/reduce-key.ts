/** A key goes to whoever has the keyboard: help, a prompt, a dialog, or the screen. Pure. */
import { unreachable } from "../src/lib/result.ts";
import { completeCommand, parseCommand } from "./commands.ts";
import { keyRow, keyTable } from "./keys.ts";
import { activeList, currentSnapshot, isReadOnly, type Layer, type Model, type Step } from "./model.ts";
import { notify } from "./notice.ts";
import { performAction } from "./reduce-action.ts";
import { openDialog, reduceDialogKey, reduceDialogPaste } from "./reduce-dialog.ts";
import { editText, pasteText } from "./prompt.ts";

export function reduceKey(model: Model, key: string): Step {
  // These two work whoever has the keyboard.
  if (key === "ctrl-c") return { model, effects: [{ kind: "quit" }] };
  if (key === "ctrl-z") return { model, effects: [{ kind: "suspend" }] };
  const { layer } = model;
  switch (layer.kind) {
    case "none":
      return reduceScreenKey(model, key);
    case "help":
      return reduceHelpKey(model, layer, key);
    case "filter":
      return reduceFilterKey(model, layer, key);
    case "command":
      return reduceCommandKey(model, layer, key);
    case "dialog":
      return reduceDialogKey(model, layer.dialog, key);
    default:
      return unreachable(layer);
  }
}

/** Pasted text goes into a field; on a screen it would be a row of blind orders and is dropped. */
export function reducePaste(model: Model, text: string): Model {
  const { layer } = model;
  switch (layer.kind) {
    case "none":
    case "help":
      return notify(model, "pasted text ignored: press : or / first", "warn");
    case "filter":
      return setFilter(
        { ...model, layer: { ...layer, text: pasteText(layer.text, text) } },
        pasteText(layer.text, text),
      );
    case "command":
      return { ...model, layer: { ...layer, text: pasteText(layer.text, text), problem: "" } };
    case "dialog":
      return { ...model, layer: { kind: "dialog", dialog: reduceDialogPaste(layer.dialog, text) } };
    default:
      return unreachable(layer);
  }
}

function reduceScreenKey(model: Model, key: string): Step {
  const row = keyRow(key, model.view);
  if (row === null) return { model, effects: [] };
  if (row.writes === true && isReadOnly(model)) {
    const who = model.readonly ? "started with --readonly" : "this user may only read";
    return { model: notify(model, `read-only: ${who}`, "warn"), effects: [] };
  }
  return performAction(model, row.action);
}

function reduceHelpKey(model: Model, layer: Extract<Layer, { kind: "help" }>, key: string): Step {
  const last = keyTable.length - 1;
  const scrolled = (top: number): Step => ({
    model: { ...model, layer: { kind: "help", top: Math.max(0, Math.min(last, top)) } },
    effects: [],
  });
  switch (keyRow(key, model.view)?.action) {
    case "down":
      return scrolled(layer.top + 1);
    case "up":
      return scrolled(layer.top - 1);
    case "page_down":
      return scrolled(layer.top + 10);
    case "page_up":
      return scrolled(layer.top - 10);
    default:
      return { model: { ...model, layer: { kind: "none" } }, effects: [] };
  }
}

function reduceFilterKey(model: Model, layer: Extract<Layer, { kind: "filter" }>, key: string): Step {
  if (key === "enter") return { model: { ...model, layer: { kind: "none" } }, effects: [] };
  if (key === "escape") {
    return { model: setFilter({ ...model, layer: { kind: "none" } }, layer.before), effects: [] };
  }
  const text = editText(layer.text, key);
  if (text === null) return { model, effects: [] };
  return { model: setFilter({ ...model, layer: { ...layer, text } }, text), effects: [] };
}

export function setFilter(model: Model, text: string): Model {
  return { ...model, filters: { ...model.filters, [activeList(model)]: text } };
}

function reduceCommandKey(model: Model, layer: Extract<Layer, { kind: "command" }>, key: string): Step {
  const none: Model = { ...model, layer: { kind: "none" } };
  if (key === "escape" || (key === "backspace" && layer.text === "")) return { model: none, effects: [] };
  if (key === "enter")
    return layer.text.trim() === "" ? { model: none, effects: [] } : runCommand(model, none, layer.text);
  if (key === "tab") {
    const text = completeCommand(layer.text, currentSnapshot(model));
    return { model: { ...model, layer: { kind: "command", text, problem: "" } }, effects: [] };
  }
  const text = editText(layer.text, key);
  if (text === null) return { model, effects: [] };
  return { model: { ...model, layer: { kind: "command", text, problem: "" } }, effects: [] };
}

function runCommand(model: Model, none: Model, text: string): Step {
  const parsed = parseCommand(text, currentSnapshot(model));
  // The line stays, so that a typing mistake is mended and not typed anew.
  if (!parsed.ok) return { model: { ...model, layer: { kind: "command", text, problem: parsed.error } }, effects: [] };
  const command = parsed.value;
  switch (command.kind) {
    case "view":
      return performAction(none, `view_${command.view}`);
    case "help":
      return performAction(none, "help");
    case "quit":
      return { model: none, effects: [{ kind: "quit" }] };
    case "filter":
      return {
        model:
          model.view === "overview" ? notify(none, "nothing to filter here", "warn") : setFilter(none, command.text),
        effects: [],
      };
    case "intent":
      if (isReadOnly(model)) return { model: notify(none, "read-only: no orders", "warn"), effects: [] };
      return { model: openDialog(none, command.intent, command.reason, command.number), effects: [] };
    default:
      return unreachable(command);
  }
}
