/** `ballast server ready|drain|maint|weight BACKEND/SERVER …`: servers out of service and back. */
import type { Reply, Request } from "../admin/api.ts";
import { type AdminClient, adminClient } from "../admin/client.ts";
import { err, ok, type Result } from "../lib/result.ts";
import { didYouMean } from "../lib/suggest.ts";
import { plural } from "../lib/humanize.ts";
import { formatDurationMs, parseDurationMs } from "../lib/units.ts";
import { type CliArgs, flagText, type UsageError } from "./args.ts";
import { commandRow } from "./commands.ts";
import { serverRows } from "./columns.ts";
import { clientFailure, complain, exitCodes, reportReply, say, usageFailure } from "./output.ts";

/** HAProxy's range of a weight; 0 drains. */
const WEIGHT_MAX = 256;
const IDLE_POLL_MS = 500;

export interface ServerName {
  readonly backend: string;
  readonly server: string;
}

export async function runServer(args: CliArgs): Promise<number> {
  const parsed = parseServerOrder(args);
  if (!parsed.ok) return usageFailure(parsed.error);
  const waitIdleMs = waitIdle(args, parsed.value);
  if (!waitIdleMs.ok) return usageFailure(waitIdleMs.error);
  const client = adminClient(args.socket);
  let worst: number = exitCodes.ok;
  for (const request of parsed.value) {
    const reply = await client.request(request);
    if (!reply.ok) return clientFailure(reply.error);
    const better = await withSuggestion(client, request, reply.value);
    worst = Math.max(worst, reportReply(args, better));
  }
  if (worst === exitCodes.ok && waitIdleMs.value !== null) {
    return waitUntilIdle(args, client, parsed.value.flatMap(serverOf), waitIdleMs.value);
  }
  return worst;
}

/** The orders that the words ask for, or what is wrong with them. */
export function parseServerOrder(args: CliArgs): Result<readonly Request[], UsageError> {
  const [verb = "", ...words] = args.rest;
  const usage = `usage: ballast ${commandRow("server").usage}`;
  const verbs = commandRow("server").words ?? [];
  if (!verbs.includes(verb)) {
    const found = verb === "" ? "server wants an order" : `unknown order "${verb}"${didYouMean(verb, verbs)}`;
    return err({ text: found, help: usage });
  }
  if (verb === "weight") return parseWeightOrder(words, usage);
  if (words.length === 0) return err({ text: `server ${verb} wants at least one BACKEND/SERVER`, help: usage });
  const state = verb === "drain" ? "drain" : verb === "maint" ? "maint" : "ready";
  const reason = flagText(args, "reason") ?? "";
  return collect(words, (name): Request => ({ op: "server", ...name, state, reason }), usage);
}

function parseWeightOrder(words: readonly string[], usage: string): Result<readonly Request[], UsageError> {
  const names = words.slice(0, -1);
  const last = words.at(-1) ?? "";
  if (names.length === 0) return err({ text: "server weight wants BACKEND/SERVER and a weight", help: usage });
  const weight = Number(last);
  if (!/^\d+$/.test(last) || weight > WEIGHT_MAX) {
    return err({ text: `weight "${last}" is outside 0–${WEIGHT_MAX}`, help: usage });
  }
  return collect(names, (name): Request => ({ op: "server_weight", ...name, weight }), usage);
}

function collect(
  words: readonly string[],
  build: (name: ServerName) => Request,
  usage: string,
): Result<readonly Request[], UsageError> {
  const requests: Request[] = [];
  for (const word of words) {
    const slash = word.indexOf("/");
    const name = { backend: word.slice(0, slash), server: word.slice(slash + 1) };
    if (slash <= 0 || name.server === "") return err({ text: `"${word}" is not BACKEND/SERVER`, help: usage });
    requests.push(build(name));
  }
  return ok(requests);
}

function waitIdle(args: CliArgs, orders: readonly Request[]): Result<number | null, UsageError> {
  const text = flagText(args, "wait-idle");
  if (text === null) return ok(null);
  const help = "for example: ballast server drain app/web1 --wait-idle 5m";
  if (!orders.every((order) => order.op === "server" && order.state !== "ready")) {
    return err({ text: `--wait-idle goes with drain and maint, found "${args.rest[0] ?? ""}"`, help });
  }
  const parsed = parseDurationMs(text);
  if (parsed.ok) return ok(parsed.value);
  return err({ text: `--wait-idle "${text}" ${parsed.error}`, help });
}

/** The daemon knows the names, so a "not found" gets the nearest one. */
async function withSuggestion(client: AdminClient, request: Request, reply: Reply): Promise<Reply> {
  const [target] = serverOf(request);
  if (reply.ok || reply.kind !== "not_found" || target === undefined) return reply;
  const snapshot = await client.snapshot();
  if (!snapshot.ok) return reply;
  const names = serverRows(snapshot.value.backends).map(({ backend, server }) => `${backend}/${server.name}`);
  const near = didYouMean(`${target.backend}/${target.server}`, names);
  return { ...reply, text: `${reply.text}${near === "" ? "; see: ballast ls servers" : near}` };
}

function serverOf(request: Request): readonly ServerName[] {
  return request.op === "server" || request.op === "server_weight" ? [request] : [];
}

async function waitUntilIdle(
  args: CliArgs,
  client: AdminClient,
  targets: readonly ServerName[],
  limitMs: number,
): Promise<number> {
  const wanted = new Set(targets.map((target) => `${target.backend}/${target.server}`));
  const startedMs = performance.now();
  let said = -1;
  for (;;) {
    const snapshot = await client.snapshot();
    if (!snapshot.ok) return clientFailure(snapshot.error);
    const left = serverRows(snapshot.value.backends)
      .filter(({ backend, server }) => wanted.has(`${backend}/${server.name}`))
      .reduce((sum, { server }) => sum + server.sessions, 0);
    if (left === 0) return exitCodes.ok;
    if (left !== said) say(args, `${plural(left, "session")} left`);
    said = left;
    if (performance.now() - startedMs >= limitMs) {
      complain(`${plural(left, "session")} still open after ${formatDurationMs(limitMs)}; the order stands`);
      return exitCodes.timedOut;
    }
    await Bun.sleep(IDLE_POLL_MS);
  }
}
