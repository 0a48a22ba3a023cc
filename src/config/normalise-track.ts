/** What virtual routers follow: `track` of [vrrp.NAME] and [vrrp_group.NAME], and the scripts behind it. */
import { didYouMean } from "../lib/suggest.ts";
import { addressBytes } from "../net/address.ts";
import { isLinkLocal } from "../net/ipv6.ts";
import type { NormaliseContext } from "./normalise-context.ts";
import { pick } from "./normalise-context.ts";
import { requireUser, warnMissing } from "./normalise-program.ts";
import type { Path } from "./schema-issue.ts";
import { plain } from "./schema-table.ts";
import type { At, Decoded } from "./schema-type.ts";
import { scriptRows, trackRows } from "./schema-vrrp.ts";
import type { TrackConfig, VrrpScriptConfig } from "./types-vrrp.ts";

type WrittenTrack = Decoded<typeof trackRows>;

/** keepalived.conf(5): only what is multiplied (file) or counted (process) may go beyond ±253. */
const WEIGHT_MAX = 253;
/** keepalived.conf(5), track_file: weight defaults to 1. */
const FILE_WEIGHT = 1;
/** RT_TABLE_MAIN of the kernel. */
const MAIN_TABLE = 254;
/** Lost after 0.6 s: well before a backup takes over at an interval of a second. */
const WITNESS_INTERVAL_MS = 200;

/** Scripts by name, wrong ones left out. */
export function normaliseScripts(context: NormaliseContext): ReadonlyMap<string, ScriptEntry> {
  const scripts = new Map<string, ScriptEntry>();
  for (const { name, at, value } of context.document.vrrp_script ?? []) {
    const command = plain(value.command);
    const [program] = command;
    if (value.command !== undefined && program === undefined) {
      context.sink.error([...at, "command"], "names no program");
      continue;
    }
    if (program !== undefined && !program.startsWith("/")) {
      context.sink.error([...at, "command", 0], `"${program}" is not an absolute path`, {
        found: program,
        help: 'no shell reads the command; for one, write ["/bin/sh", "-c", "…"]',
      });
    }
    if (program?.startsWith("/") === true) warnMissing(command, [...at, "command"], context);
    requireUser(value.user, [...at, "user"], context);
    const intervalMs = pick(scriptRows.interval, value.interval);
    const config: VrrpScriptConfig = {
      name,
      command,
      intervalMs,
      timeoutMs: value.timeout ?? intervalMs,
      rise: pick(scriptRows.rise, value.rise),
      fall: pick(scriptRows.fall, value.fall),
      user: value.user ?? null,
      initFail: pick(scriptRows.init_fail, value.init_fail),
    };
    context.origins.set(config, at);
    scripts.set(name, { config, weight: pick(scriptRows.weight, value.weight) });
  }
  return scripts;
}

export interface ScriptEntry {
  readonly config: VrrpScriptConfig;
  /** For tracks that do not say one. */
  readonly weight: number;
}

export function normaliseTrack(
  item: At<WrittenTrack>,
  scripts: ReadonlyMap<string, ScriptEntry>,
  context: NormaliseContext,
): readonly TrackConfig[] {
  const { value, at } = item;
  const targets = targetsOf(item, scripts, context);
  if (value.quorum !== undefined && value.process === undefined) {
    context.sink.error([...at, "quorum"], "counts processes, and this track names none", { mark: "key" });
  }
  if (value.table !== undefined && value.route === undefined) {
    context.sink.error([...at, "table"], "is that of a route, and this track names none", { mark: "key" });
  }
  if (value.interval !== undefined && value.witness === undefined) {
    context.sink.error([...at, "interval"], "is that of a witness, and this track names none", { mark: "key" });
  }
  if (targets.length > 1) {
    context.sink.error(at, "tracks several things", { help: "write one entry for each" });
    return [];
  }
  const [target] = targets;
  if (target === undefined) {
    const reported = context.sink.drafts.some(
      (draft) => draft.at.length > at.length && at.every((step, i) => draft.at[i] === step),
    );
    if (!reported) {
      const help = "proxy = true, interface, script, process, file, route or witness";
      context.sink.error(at, "tracks nothing", { help });
    }
    return [];
  }
  const weight = value.weight ?? target.weight;
  const widest = target.kind === "file" || target.kind === "process" ? WEIGHT_MAX + 1 : WEIGHT_MAX;
  if (Math.abs(weight) > widest) {
    context.sink.error([...at, "weight"], `${weight} is outside -${widest}–${widest}`, { found: String(weight) });
  }
  const reverse = pick(trackRows.reverse, value.reverse);
  return [{ ...target, weight, ...(reverse ? { reverse } : {}) }];
}

/** A machine that routing finds, and that is not this one. */
function isWitness(address: string, at: Path, context: NormaliseContext): boolean {
  const bytes = addressBytes(address);
  if (isLinkLocal(bytes)) {
    context.sink.error(at, `"${address}" is link-local: it does not say which interface it is on`, {
      found: address,
      help: "name another address of the same machine",
    });
    return false;
  }
  const isGroup = bytes.length === 4 ? bytes[0] >= 224 : bytes[0] === 0xff;
  const isSelf =
    bytes.length === 4 ? bytes[0] === 127 || bytes[0] === 0 : bytes.subarray(0, 15).every((byte) => byte === 0);
  if (!isGroup && !isSelf) return true;
  context.sink.error(at, `"${address}" is no address of another machine`, { found: address });
  return false;
}

/** What the entry names, with the weight that it has when none is written. */
function targetsOf(
  item: At<WrittenTrack>,
  scripts: ReadonlyMap<string, ScriptEntry>,
  context: NormaliseContext,
): readonly TrackConfig[] {
  const { proxy, interface: name, script, process, file, quorum, route, table, witness, interval } = item.value;
  const targets: TrackConfig[] = [];
  if (proxy !== undefined) targets.push({ kind: "proxy", weight: 0 });
  if (name !== undefined) targets.push({ kind: "interface", name, weight: 0 });
  if (process !== undefined) targets.push({ kind: "process", name: process, quorum: quorum ?? 1, weight: 0 });
  if (file !== undefined) targets.push({ kind: "file", path: file, weight: FILE_WEIGHT });
  if (route !== undefined) targets.push({ kind: "route", to: route, table: table ?? MAIN_TABLE, weight: 0 });
  if (witness !== undefined && isWitness(witness, [...item.at, "witness"], context)) {
    targets.push({ kind: "witness", address: witness, intervalMs: interval ?? WITNESS_INTERVAL_MS, weight: 0 });
  }
  if (script !== undefined) {
    const known = scripts.get(script);
    if (known !== undefined) targets.push({ kind: "script", script: known.config, weight: known.weight });
    else {
      const names = (context.document.vrrp_script ?? []).map((each) => each.name);
      // A script that is there and wrong has been reported.
      if (!names.includes(script)) {
        const message = `there is no [vrrp_script.${script}]${didYouMean(script, names)}`;
        context.sink.error([...item.at, "script"], message, { found: script });
      }
    }
  }
  return targets;
}
