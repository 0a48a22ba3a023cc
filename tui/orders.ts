/** An intent in full: its title, what it would do, the equal command, the requests and what takes them back. Pure. */
import type { Request, Snapshot } from "../src/admin/api.ts";
import { plural } from "../src/lib/humanize.ts";
import { unreachable } from "../src/lib/result.ts";
import { vrrpWord } from "../src/lib/state-words.ts";
import { currentSnapshot, type Dialog, type Intent, type Model, type SentOrder, type ServerTarget } from "./model.ts";
import { predictState, predictWeight, type Prediction, type Sentence } from "./predict.ts";
import { serverKey } from "./rates.ts";

export interface OrderView {
  readonly title: string;
  readonly verb: string;
  readonly lines: readonly Sentence[];
  /** The same as a command line. */
  readonly command: string;
  /** What must be typed to go on; null: y is enough. */
  readonly word: string | null;
  readonly takesReason: boolean;
  /** Why it cannot be done now; null: it can. */
  readonly obstacle: string | null;
  readonly order: SentOrder;
}

/** HAProxy's range of a weight. */
const WEIGHT_MAX = 256;

/** Works an open dialog out against the newest figures, so that what it says is true when Enter is pressed. */
export function describeOrder(model: Model, dialog: Dialog): OrderView | null {
  const snapshot = currentSnapshot(model);
  if (snapshot === null) return null;
  const { intent } = dialog;
  switch (intent.kind) {
    case "server":
      return describeState(model, snapshot, intent, dialog.reason.trim());
    case "weight":
      return describeWeight(model, snapshot, intent.target, dialog.number);
    case "vrrp":
      return describeVrrp(snapshot, intent);
    case "reload":
      return describeReload(snapshot);
    default:
      return unreachable(intent);
  }
}

const stateTitles = { ready: "Make ready", drain: "Drain", maint: "Put into maintenance" } as const;

function describeState(
  model: Model,
  snapshot: Snapshot,
  intent: Extract<Intent, { kind: "server" }>,
  reason: string,
): OrderView {
  const { state } = intent;
  const targets = intent.targets.filter((target) => adminOf(snapshot, target) !== null);
  const keys = targets.map((target) => serverKey(target.backend, target.server));
  const prediction = predictState({ snapshot, rates: model.rates, history: model.history }, targets, state);
  const many = keys.length > 1;
  const title = `${stateTitles[state]} ${many ? plural(keys.length, "server") : (keys[0] ?? "")} ?`;
  const flag = reason === "" ? "" : ` --reason ${shellQuote(reason)}`;
  const unchanged = targets.every((target) => adminOf(snapshot, target) === state);
  return {
    title,
    verb: state,
    lines: many ? [{ text: keys.join(", "), tone: "strong" }, ...prediction.lines] : prediction.lines,
    command: `ballast server ${state} ${keys.map(shellQuote).join(" ")}${flag}`,
    word: prediction.severe ? wordFor(targets) : null,
    takesReason: true,
    obstacle: targets.length === 0 ? "it is not there any more" : unchanged ? `it is ${state} already` : null,
    order: {
      label: `${keys.join(", ")} ${state}`,
      requests: targets.map((target): Request => ({ op: "server", ...target, state, reason })),
      undo: targets.flatMap((target): readonly Request[] => {
        const before = adminOf(snapshot, target);
        return before === null || before === state ? [] : [{ op: "server", ...target, state: before, reason: "undo" }];
      }),
    },
  };
}

function describeWeight(model: Model, snapshot: Snapshot, target: ServerTarget, text: string): OrderView {
  const key = serverKey(target.backend, target.server);
  const weight = Number(text);
  const valid = /^\d{1,3}$/.test(text) && weight <= WEIGHT_MAX;
  const before = findServer(snapshot, target)?.weight ?? null;
  const evidence = { snapshot, rates: model.rates, history: model.history };
  const prediction: Prediction = valid ? predictWeight(evidence, target, weight) : { lines: [], severe: false };
  return {
    title: `Weight of ${key} ?`,
    verb: "set",
    lines: prediction.lines,
    command: `ballast server weight ${shellQuote(key)} ${valid ? weight : "N"}`,
    word: prediction.severe ? target.server : null,
    takesReason: false,
    obstacle: before === null ? "it is not there any more" : valid ? null : `a weight is 0 to ${WEIGHT_MAX}`,
    order: {
      label: `${key} weight ${text}`,
      requests: [{ op: "server_weight", ...target, weight }],
      undo: before === null || before === weight ? [] : [{ op: "server_weight", ...target, weight: before }],
    },
  };
}

const vrrpTitles = { failover: "Fail over", maint: "Put into maintenance", resume: "Resume" } as const;

function describeVrrp(snapshot: Snapshot, intent: Extract<Intent, { kind: "vrrp" }>): OrderView {
  const { instance, order } = intent;
  const row = snapshot.vrrp.find((each) => each.instance === instance);
  const addresses = row?.addresses.join(", ") ?? "";
  const state = row === undefined ? "gone" : vrrpWord(row.state).word;
  // After a failover, resume lets this node take the address back. A resume came from either, so it has no one way back.
  const undo: readonly Request[] = order === "resume" ? [] : [{ op: "vrrp", order: "resume", instance }];
  return {
    title: `${vrrpTitles[order]} ${instance} ?`,
    verb: order,
    lines: vrrpSentences(order, addresses, row?.state === "master"),
    command: `ballast vrrp ${order} ${shellQuote(instance)}`,
    // Moving an address touches every client: the name has to be typed. Coming back does not.
    word: order === "resume" ? null : instance,
    takesReason: false,
    obstacle: vrrpObstacle(order, row?.state ?? null, state),
    order: { label: `${instance} ${order}`, requests: [{ op: "vrrp", order, instance }], undo },
  };
}

function vrrpSentences(
  order: "failover" | "maint" | "resume",
  addresses: string,
  isMaster: boolean,
): readonly Sentence[] {
  const leaves: Sentence = {
    text: `This node says goodbye (priority 0) and serves ${addresses} until another one leads.`,
    tone: "plain",
  };
  switch (order) {
    case "failover":
      return [
        leaves,
        { text: "If nobody takes over within some seconds, it goes on leading.", tone: "plain" },
        { text: "It does not take it back from a living peer before it is resumed.", tone: "plain" },
      ];
    case "maint": {
      const stays: Sentence = { text: "It takes no part in elections until it is resumed.", tone: "plain" };
      const moves: Sentence = {
        text: "If nobody takes over within some seconds, it leaves all the same: nobody serves the address.",
        tone: "warn",
      };
      return isMaster ? [leaves, moves, stays] : [stays];
    }
    case "resume":
      return [
        { text: `It takes part in elections for ${addresses} again, with preemption as configured.`, tone: "plain" },
      ];
    default:
      return unreachable(order);
  }
}

function vrrpObstacle(order: "failover" | "maint" | "resume", state: string | null, word: string): string | null {
  if (state === null) return "it is not there any more";
  if (order === "failover" && state !== "master") return `it is ${word} here: there is nothing to hand over`;
  if (order === "maint" && state === "maint") return "it is in maintenance already";
  // A backup may have been handed over by order: resume lets it preempt again.
  if (order === "resume" && state !== "maint" && state !== "backup") return `it is ${word}: there is nothing to resume`;
  return null;
}

function describeReload(snapshot: Snapshot): OrderView {
  return {
    title: "Reload the configuration ?",
    verb: "reload",
    lines: [
      { text: `${snapshot.config.path} is read and checked as a whole.`, tone: "plain" },
      { text: "With any error nothing changes; else running sessions go on.", tone: "plain" },
    ],
    command: "ballast reload",
    word: null,
    takesReason: false,
    obstacle: null,
    order: { label: "reload", requests: [{ op: "reload" }], undo: [] },
  };
}

/** One server: its name. Several of one backend: the backend's name. Else how many they are. */
function wordFor(targets: readonly ServerTarget[]): string {
  const [first] = targets;
  if (first === undefined) return "";
  if (targets.length === 1) return first.server;
  const oneBackend = targets.every((target) => target.backend === first.backend);
  return oneBackend ? first.backend : plural(targets.length, "server");
}

function findServer(snapshot: Snapshot, target: ServerTarget) {
  const backend = snapshot.backends.find((each) => each.name === target.backend);
  return backend?.servers.find((server) => server.name === target.server);
}

function adminOf(snapshot: Snapshot, target: ServerTarget) {
  return findServer(snapshot, target)?.admin ?? null;
}

/** For a POSIX shell. */
function shellQuote(text: string): string {
  return /^[\w./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
