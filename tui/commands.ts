/** The `:` line: the verbs of the command line, screens, and completion of both and of object names. Pure. */
import type { Snapshot } from "../src/admin/api.ts";
import { err, ok, type Result } from "../src/lib/result.ts";
import { didYouMean } from "../src/lib/suggest.ts";
import { type Intent, type ServerTarget, type ViewName, viewNames } from "./model.ts";
import { serverKey } from "./rates.ts";

export type Command =
  | { readonly kind: "view"; readonly view: ViewName }
  | { readonly kind: "intent"; readonly intent: Intent; readonly reason: string; readonly number: string }
  | { readonly kind: "filter"; readonly text: string }
  | { readonly kind: "help" }
  | { readonly kind: "quit" };

/** Short forms that k9s and vim users type. */
const aliases: Readonly<Record<string, string>> = {
  q: "quit",
  h: "help",
  ov: "overview",
  fe: "frontends",
  be: "backends",
  ev: "events",
  vips: "vrrp",
};

const verbs = ["server", "vrrp", "reload", "filter", "help", "quit"] as const;
const serverOrders = ["ready", "drain", "maint", "weight"] as const;
const vrrpOrders = ["failover", "maint", "resume"] as const;

/** Understands one line; an error says what was wrong with it. */
export function parseCommand(line: string, snapshot: Snapshot | null): Result<Command, string> {
  const [first = "", ...rest] = line.trim().split(/\s+/);
  const word = aliases[first] ?? first;
  if (word === "vrrp" && rest.length > 0) return parseVrrp(rest, snapshot);
  const view = viewNames.find((name) => name === word);
  if (view !== undefined) return ok({ kind: "view", view });
  switch (word) {
    case "server":
      return parseServer(rest, snapshot);
    case "reload":
      return ok({ kind: "intent", intent: { kind: "reload" }, reason: "", number: "" });
    case "filter":
      return ok({ kind: "filter", text: rest.join(" ") });
    case "help":
    case "quit":
      return ok({ kind: word });
    default:
      return err(`unknown command "${first}"${didYouMean(first, [...viewNames, ...verbs]) || `; ${verbs.join(", ")}`}`);
  }
}

/** The line with its last word completed as far as it is unambiguous. */
export function completeCommand(line: string, snapshot: Snapshot | null): string {
  const words = line.split(/\s+/);
  const partial = words.at(-1) ?? "";
  const matches = candidates(words.slice(0, -1), snapshot).filter((word) => word.startsWith(partial));
  if (matches.length === 0) return line;
  const common = matches.reduce(commonPrefix);
  const head = line.slice(0, line.length - partial.length);
  return head + common + (matches.length === 1 ? " " : "");
}

/** What may stand after these words. */
export function candidates(before: readonly string[], snapshot: Snapshot | null): readonly string[] {
  const [verb, order] = before;
  if (verb === undefined) return [...viewNames, ...verbs].filter((word, index, all) => all.indexOf(word) === index);
  if (verb === "server") return order === undefined ? serverOrders : serverNames(snapshot);
  if (verb === "vrrp") return order === undefined ? vrrpOrders : instanceNames(snapshot);
  return [];
}

function parseServer(words: readonly string[], snapshot: Snapshot | null): Result<Command, string> {
  const [order = "", ...rest] = words;
  const reasonAt = rest.indexOf("--reason");
  const reason = reasonAt < 0 ? "" : rest.slice(reasonAt + 1).join(" ");
  const names = reasonAt < 0 ? rest : rest.slice(0, reasonAt);
  if (order === "weight") return parseWeight(names, snapshot);
  if (order !== "ready" && order !== "drain" && order !== "maint") {
    return err(`server wants ready, drain, maint or weight, found "${order}"${didYouMean(order, serverOrders)}`);
  }
  const targets = findTargets(names, snapshot);
  if (!targets.ok) return targets;
  return ok({ kind: "intent", intent: { kind: "server", state: order, targets: targets.value }, reason, number: "" });
}

function parseWeight(words: readonly string[], snapshot: Snapshot | null): Result<Command, string> {
  const [name = "", number = ""] = words;
  const targets = findTargets(name === "" ? [] : [name], snapshot);
  if (!targets.ok) return targets;
  const [target] = targets.value;
  return ok({ kind: "intent", intent: { kind: "weight", target }, reason: "", number });
}

function parseVrrp(words: readonly string[], snapshot: Snapshot | null): Result<Command, string> {
  const [order = "", instance = ""] = words;
  if (order !== "failover" && order !== "maint" && order !== "resume") {
    return err(`vrrp wants failover, maint or resume, found "${order}"${didYouMean(order, vrrpOrders)}`);
  }
  const names = instanceNames(snapshot);
  if (!names.includes(instance)) {
    return err(`no VRRP instance "${instance}"${didYouMean(instance, names)}`);
  }
  return ok({ kind: "intent", intent: { kind: "vrrp", order, instance }, reason: "", number: "" });
}

function findTargets(names: readonly string[], snapshot: Snapshot | null): Result<readonly ServerTarget[], string> {
  if (names.length === 0) return err("which server? BACKEND/SERVER is wanted");
  const known = serverNames(snapshot);
  const targets: ServerTarget[] = [];
  for (const name of names) {
    if (!known.includes(name)) return err(`no server "${name}"${didYouMean(name, known)}`);
    const slash = name.indexOf("/");
    targets.push({ backend: name.slice(0, slash), server: name.slice(slash + 1) });
  }
  return ok(targets);
}

function serverNames(snapshot: Snapshot | null): readonly string[] {
  const backends = snapshot?.backends ?? [];
  return backends.flatMap((backend) => backend.servers.map((server) => serverKey(backend.name, server.name)));
}

function instanceNames(snapshot: Snapshot | null): readonly string[] {
  return (snapshot?.vrrp ?? []).map((row) => row.instance);
}

function commonPrefix(a: string, b: string): string {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return a.slice(0, length);
}
