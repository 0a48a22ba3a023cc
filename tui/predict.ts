/** What an order on servers would do, in sentences, and whether it is grave enough to be typed out. Pure. */
import type { BackendStatus, ServerStatus, Snapshot } from "../src/admin/api.ts";
import { formatCount, plural } from "../src/lib/humanize.ts";
import { type BackendCount, countServers, isActive, serverWord } from "../src/lib/state-words.ts";
import { type History, peak } from "./history.ts";
import type { Tone } from "../src/lib/text-table.ts";
import type { ServerTarget } from "./model.ts";
import { type Rates, serverKey } from "./rates.ts";

export interface Prediction {
  readonly lines: readonly Sentence[];
  /** Nobody, or less than half, would be left: the name has to be typed. */
  readonly severe: boolean;
}

export interface Sentence {
  readonly text: string;
  readonly tone: Tone;
}

/** What the prediction rests on. */
export interface Evidence {
  readonly snapshot: Snapshot;
  readonly rates: Rates;
  readonly history: History;
}

const PEAK_WINDOW_MS = 300_000;

/** The effect of a new state for some servers, backend by backend. */
export function predictState(
  evidence: Evidence,
  targets: readonly ServerTarget[],
  admin: ServerStatus["admin"],
): Prediction {
  const lines: Sentence[] = [];
  let severe = false;
  for (const backend of evidence.snapshot.backends) {
    const names = new Set(targets.filter((target) => target.backend === backend.name).map((target) => target.server));
    if (names.size === 0) continue;
    const after = backend.servers.map((server) => (names.has(server.name) ? { ...server, admin } : server));
    const outcome = predictBackend(evidence, backend, after, names);
    lines.push(...outcome.lines);
    severe ||= outcome.severe && admin !== "ready";
  }
  lines.push(...sessionLines(evidence.snapshot, targets, admin));
  return { lines, severe };
}

/** The effect of a new weight on one server. */
export function predictWeight(evidence: Evidence, target: ServerTarget, weight: number): Prediction {
  const backend = evidence.snapshot.backends.find((each) => each.name === target.backend);
  const before = backend?.servers.find((server) => server.name === target.server);
  if (backend === undefined || before === undefined) return { lines: [], severe: false };
  const after = backend.servers.map((server) => (server.name === target.server ? { ...server, weight } : server));
  const share = `${percentOf(before, backend.servers)} of ${backend.name} now, ${percentOf({ ...before, weight }, after)} then`;
  const lines: Sentence[] = [{ text: `${target.server} gets ${share}.`, tone: "plain" }];
  if (weight === 0) lines.push({ text: "Weight 0 drains: no new sessions are sent.", tone: "warn" });
  const outcome = predictBackend(evidence, backend, after, new Set([target.server]));
  const changesCount = countServers(backend.servers).active !== countServers(after).active;
  return changesCount
    ? { lines: [...lines, ...outcome.lines], severe: outcome.severe && weight === 0 }
    : { lines, severe: false };
}

function predictBackend(
  evidence: Evidence,
  backend: BackendStatus,
  after: readonly ServerStatus[],
  changed: ReadonlySet<string>,
): Prediction {
  const now = countServers(backend.servers);
  const then = countServers(after);
  const lines: Sentence[] = [{ text: countSentence(backend, now, then, changed), tone: "plain" }];
  if (then.active === 0 && now.active > 0) {
    const refusal = backend.mode === "http" ? "requests are answered 503" : "connections are closed";
    lines.push({ text: `▲ nobody is left to serve ${backend.name}: new ${refusal}.`, tone: "bad" });
    return { lines, severe: true };
  }
  if (then.onBackup && !now.onBackup) {
    const names = after.filter((server) => server.backup && isActive(server)).map((server) => server.name);
    lines.push({ text: `▲ the backup takes over: ${names.join(", ")}.`, tone: "warn" });
    return { lines, severe: true };
  }
  const overload = overloadSentence(evidence, backend, after);
  if (overload !== null && then.active < now.active) lines.push(overload);
  return { lines, severe: then.active < now.active && then.active * 2 < then.total };
}

function countSentence(
  backend: BackendStatus,
  now: BackendCount,
  then: BackendCount,
  changed: ReadonlySet<string>,
): string {
  const others = backend.servers
    .filter((server) => !server.backup && !isActive(server) && !changed.has(server.name))
    .map((server) => `${server.name} is ${serverWord(server).word}`);
  const because = others.length === 0 || others.length > 3 ? "" : ` (${others.join(", ")})`;
  if (now.active === then.active && now.onBackup === then.onBackup) {
    return `backend ${backend.name} keeps ${plural(now.active, "active server")} of ${now.total}${because}.`;
  }
  if (then.onBackup && !now.onBackup) return `backend ${backend.name} loses its last active server${because}.`;
  return `backend ${backend.name} goes from ${now.active} to ${plural(then.active, "active server")} of ${then.total}${because}.`;
}

/** The busiest of those who stay: what it would carry against what it was seen to carry. */
function overloadSentence(evidence: Evidence, backend: BackendStatus, after: readonly ServerStatus[]): Sentence | null {
  const rate = evidence.rates.backends.get(backend.name)?.requests ?? null;
  if (rate === null || rate < 1) return null;
  const staying = after.filter((server) => !server.backup && isActive(server));
  const weights = staying.reduce((sum, server) => sum + server.weight, 0);
  const [busiest] = staying.toSorted((a, b) => b.weight - a.weight);
  if (busiest === undefined || weights === 0) return null;
  const expected = (rate * busiest.weight) / weights;
  const unit = backend.mode === "http" ? "requests/s" : "connections/s";
  const would = `${busiest.name} would carry ${formatCount(expected)} ${unit}`;
  const track = evidence.history.servers.get(serverKey(backend.name, busiest.name));
  const most =
    track === undefined ? null : peak(track.atMs, track.series.requests, evidence.snapshot.wallMs, PEAK_WINDOW_MS);
  if (most === null) return { text: `${would}.`, tone: "plain" };
  const seen = `the most seen here is ${formatCount(most)}`;
  return expected > most * 1.1
    ? { text: `▲ ${would}; ${seen}.`, tone: "warn" }
    : { text: `${would}; ${seen}.`, tone: "plain" };
}

function sessionLines(
  snapshot: Snapshot,
  targets: readonly ServerTarget[],
  admin: ServerStatus["admin"],
): readonly Sentence[] {
  const servers = targets.flatMap((target) => {
    const backend = snapshot.backends.find((each) => each.name === target.backend);
    return backend?.servers.filter((server) => server.name === target.server) ?? [];
  });
  if (admin === "ready") {
    const down = servers.filter((server) => server.health === "down").map((server) => server.name);
    if (down.length === 0) return [{ text: "New sessions are sent at once.", tone: "plain" }];
    return [{ text: `${down.join(", ")}: DOWN now, takes traffic when its checks pass.`, tone: "warn" }];
  }
  const sessions = servers.reduce((sum, server) => sum + server.sessions, 0);
  const rest =
    sessions === 1 ? "1 session finishes on its own" : `${formatCount(sessions)} sessions finish on their own`;
  return [{ text: `${sessions === 0 ? "No session is open" : rest}; no new ones are sent.`, tone: "plain" }];
}

function percentOf(server: ServerStatus, servers: readonly ServerStatus[]): string {
  if (!isActive({ ...server, weight: Math.max(1, server.weight) })) return "0 %";
  const sum = servers
    .filter((each) => each.backup === server.backup && isActive(each))
    .reduce((total, each) => total + each.weight, 0);
  return sum === 0 ? "0 %" : `${formatRatePercent((server.weight / sum) * 100)} %`;
}

function formatRatePercent(percent: number): string {
  return percent > 0 && percent < 10 ? percent.toFixed(1) : Math.round(percent).toString();
}
