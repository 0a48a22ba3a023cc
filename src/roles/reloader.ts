/**
 * One configuration after the other: read, checked, prepared by every role, then committed everywhere or called off.
 * `reload.ts` decides; this file sends, waits and keeps what runs.
 */
import type { Happening, Reply } from "../admin/api.ts";
import { restartKeys } from "../config/diff.ts";
import { roleNames, type ServerState } from "../ipc/messages.ts";
import type { Channel } from "../ipc/shell/channel.ts";
import { lastDrainMs } from "../ipvs/leaving.ts";
import { formatDurationMs } from "../lib/units.ts";
import { wallNow } from "../sys/clock.ts";
import type { Loop, LoopTimer } from "../sys/loop.ts";
import { assignmentFor, type Running } from "./assignment.ts";
import type { Config } from "../config/types.ts";
import type { ConfigFailure, LoadedConfig } from "./config-file.ts";
import type { CounterObjects } from "./counter-objects.ts";
import type { Listeners } from "./listeners.ts";
import type { ProcessTable } from "./process-table.ts";
import { type ReloadEvent, type ReloadState, stepReload } from "./reload.ts";
import type { RoleProcess } from "./role-process.ts";

/** Every role answers `prepare` within this time, or the reload is called off. */
const PREPARE_WITHIN_MS = 5000;
/** Of a file with more problems the log has the first ones; the answer to the caller has all. */
const LOGGED_ISSUES_MAX = 20;

export interface ReloaderOptions {
  readonly loop: Loop;
  readonly listeners: Listeners;
  readonly objects: CounterObjects;
  readonly countersPath: string;
  readonly processes: ProcessTable;
  readonly load: () => LoadedConfig | ConfigFailure;
  /** What is known of the servers of a configuration that is about to run. */
  readonly serversOf: (next: Running) => readonly ServerState[];
  readonly descriptorsFor: (role: RoleProcess["role"], listeners: readonly string[]) => readonly number[];
  readonly tell: (happening: Happening) => void;
  /** A reload begins: the service manager wants to know. */
  readonly onBegin: () => void;
  /** Files that roles open as somebody else are made before they are told of them. */
  readonly beforePrepare: (next: Running) => void;
  /** All have prepared: `next` runs from now on. Called before the roles are told. */
  readonly onCommit: (next: Running) => void;
  /** The reload has ended, well or not. */
  readonly onEnd: () => void;
}

interface Candidate {
  readonly loaded: LoadedConfig;
  readonly running: Running;
}

export class Reloader {
  private readonly options: ReloaderOptions;
  private readonly startedWith: Config;
  private loaded: LoadedConfig;
  private candidate: Candidate | null = null;
  private state: ReloadState = { kind: "idle" };
  private timer: LoopTimer | null = null;
  private answer: ((reply: Reply) => void) | null = null;
  /** A signal came while a reload was under way: the file may have changed after it was read. */
  private again = false;
  running: Running;
  loadedWallMs = wallNow();
  lastReloadOk = true;

  /** The first configuration, whose objects the caller has prepared: it runs from the start. */
  constructor(first: LoadedConfig, running: Running, options: ReloaderOptions) {
    this.options = options;
    this.startedWith = first.config;
    this.loaded = first;
    this.running = running;
  }

  get path(): string {
    return this.loaded.path;
  }

  get hash(): string {
    return this.loaded.hash;
  }

  /** SIGHUP: nobody waits for an answer, so one that comes too early is not lost but done afterwards. */
  signalled(mayStart: boolean): void {
    if (!mayStart || this.state.kind === "preparing") this.again = true;
    else this.start("SIGHUP", () => undefined);
  }

  /** Does what signals asked for while it was too early. */
  catchUp(): void {
    if (!this.again) return;
    this.again = false;
    this.start("SIGHUP", () => undefined);
  }

  /** `by`: who ordered it. `reply` is called once, when the new configuration runs or has been refused. */
  start(by: string, reply: (reply: Reply) => void): void {
    if (this.state.kind === "preparing") {
      reply({ ok: false, kind: "busy", text: "a reload is under way" });
      return;
    }
    const { load, objects, listeners, onBegin, tell } = this.options;
    onBegin();
    this.answer = reply;
    const loaded = load();
    if ("issues" in loaded) return this.refuse("the new configuration has errors", loaded.issues);
    this.tellIssues("warning", loaded.warnings);
    const indexes = objects.prepare(loaded.config);
    if (!indexes.ok) return this.refuse("the new configuration is too large", [indexes.error]);
    const { reasons } = listeners.prepare(loaded.config);
    if (reasons.length > 0) return this.refuse("the new configuration cannot be applied", reasons);
    const generation = this.running.generation + 1;
    this.candidate = { loaded, running: runningOf(loaded, indexes.value, generation, this.options.countersPath) };
    const text = `reload to ${loaded.hash} ordered by ${by}`;
    tell({ level: "info", kind: "config.reload", object: "", text, fields: { by } });
    this.options.beforePrepare(this.candidate.running);
    this.prepareAll(this.candidate.running);
  }

  /** What a role said about a reload, or that it ended. */
  step(event: ReloadEvent): void {
    const { state, effects } = stepReload(this.state, event);
    this.state = state;
    for (const effect of effects) {
      if (effect.kind === "commit") this.commit();
      else this.abort(effect.generation, effect.reasons);
    }
  }

  /** A process that starts in the middle of a reload runs the old configuration and hears of the new one as well. */
  join(process: RoleProcess, channel: Channel): void {
    if (this.candidate) this.prepare(process, channel, this.candidate.running);
  }

  private prepareAll(next: Running): void {
    const names: string[] = [];
    for (const process of this.options.processes.all) {
      if (!process.child || process.leaving) continue;
      this.prepare(process, process.child.channel, next);
      names.push(process.name);
    }
    this.timer = this.options.loop.after(PREPARE_WITHIN_MS, () => this.step({ kind: "late" }));
    this.step({ kind: "begin", generation: next.generation, processes: names });
  }

  private prepare({ role, index }: RoleProcess, channel: Channel, next: Running): void {
    const assignment = assignmentFor(role, index, next, this.options.serversOf(next));
    channel.send("prepare", assignment, this.options.descriptorsFor(role, assignment.listeners));
  }

  private commit(): void {
    const { candidate } = this;
    if (!candidate) return;
    const { objects, processes, listeners, onCommit } = this.options;
    const drainMs = lastDrainMs(this.running.config, candidate.running.config);
    const later = restartKeys(this.startedWith, candidate.running.config);
    objects.commit();
    onCommit(candidate.running);
    this.loaded = candidate.loaded;
    this.running = candidate.running;
    this.loadedWallMs = wallNow();
    const { generation } = this.running;
    for (const channel of processes.channels(...roleNames)) channel.send("commit", { generation });
    listeners.keepOnly(this.running.config);
    const note = later.length === 0 ? "" : `; ${later.join(", ")}: from the next start on`;
    const gone =
      drainMs === null ? "" : `; no virtual server is left: their connections have ${formatDurationMs(drainMs)} to end`;
    const text = `configuration ${this.loaded.hash} is running (generation ${generation})${note}${gone}`;
    this.end({ ok: true, text });
  }

  private abort(generation: number, reasons: readonly string[]): void {
    const { processes, listeners } = this.options;
    for (const channel of processes.channels(...roleNames)) channel.send("abort", { generation });
    listeners.keepOnly(this.running.config);
    this.refuse("the new configuration was refused", reasons);
  }

  private refuse(text: string, issues: readonly string[]): void {
    this.tellIssues("error", issues);
    this.end({ ok: false, kind: "config", text, issues });
  }

  private tellIssues(level: "warning" | "error", issues: readonly string[]): void {
    for (const issue of issues.slice(0, LOGGED_ISSUES_MAX)) {
      // The rest of an issue, the line with its caret, is for terminals.
      const [line = ""] = issue.split("\n");
      this.options.tell({ level, kind: "config.issue", object: "", text: line, fields: {} });
    }
  }

  private end(reply: Reply): void {
    this.timer?.cancel();
    this.timer = null;
    this.candidate = null;
    this.lastReloadOk = reply.ok;
    const kept = reply.ok ? "" : `; still running ${this.loaded.hash} (generation ${this.running.generation})`;
    this.options.tell({
      level: reply.ok ? "notice" : "error",
      kind: "config.reload",
      object: "",
      text: reply.text + kept,
      fields: { ok: reply.ok ? 1 : 0 },
    });
    this.options.onEnd();
    const { answer } = this;
    this.answer = null;
    answer?.(reply);
    // Not from inside this one: its caller is still sending.
    if (this.again) this.options.loop.defer(() => this.catchUp());
  }
}

/** A loaded configuration as the roles are told of it. */
export function runningOf(
  loaded: LoadedConfig,
  objects: Running["objects"],
  generation: number,
  countersPath: string,
): Running {
  const { config, tls, masked } = loaded;
  return { generation, config, objects, tls, counters: countersPath, configText: masked };
}
