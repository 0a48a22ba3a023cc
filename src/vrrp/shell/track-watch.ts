/**
 * What instances follow beside links: check scripts, processes, numbers in files, routes, witnesses. Shared by all
 * instances: a script that two of them follow runs once. Programs are run by the supervisor, this role has not the
 * rights to.
 */
import { closeSync, constants, fstatSync, openSync, readdirSync, readFileSync, readSync } from "node:fs";
import type { TrackConfig, VrrpScriptConfig } from "../../config/types-vrrp.ts";
import type { RunScript, ScriptResult } from "../../ipc/messages.ts";
import { later, type MonoMs } from "../../lib/time.ts";
import type { LoopTimer } from "../../sys/loop.ts";
import { ProcessCount } from "../process-count.ts";
import { afterRun, firstVerdict, keptVerdict, type ScriptVerdict } from "../script-track.ts";
import type { TrackReading } from "../track.ts";
import { RouteWatch } from "./route-watch.ts";
import type { WatchPorts } from "./watch-ports.ts";
import { WitnessWatch } from "./witness-watch.ts";

/** Processes and files are looked at this often: a fraction of the shortest down time of version 2. */
const LOOK_INTERVAL_MS = 500;
/** The supervisor answers for a late script at its timeout; if nothing came by then, it lost the order. */
const ANSWER_GRACE_MS = 5000;
/** keepalived's values of a tracked file have at most eleven characters. */
const FILE_BYTES_MAX = 64;
/** TASK_COMM_LEN of the kernel with the final zero; longer names stand in the command line only. */
const COMM_CHARACTERS_MAX = 15;

export interface TrackPorts extends WatchPorts {
  /** Asks for a run; the answer comes to `scriptResult`. */
  runScript(order: RunScript): void;
}

interface ScriptWatch {
  readonly config: VrrpScriptConfig;
  verdict: ScriptVerdict;
  timer: LoopTimer;
  /** Of the run under way; null: none. */
  runId: number | null;
  startedAt: MonoMs;
}

export class TrackWatch {
  private readonly ports: TrackPorts;
  private readonly scripts = new Map<string, ScriptWatch>();
  private readonly processes = new ProcessCount();
  private processNames: ReadonlySet<string> = new Set();
  private readonly files = new Map<string, number>();
  private looks: LoopTimer | null = null;
  private readonly routes: RouteWatch;
  private readonly witnesses: WitnessWatch;
  private nextRunId = 1;

  constructor(ports: TrackPorts) {
    this.ports = ports;
    this.routes = new RouteWatch(ports);
    this.witnesses = new WitnessWatch(ports);
  }

  /** Follows exactly these. A script keeps its verdict while its name is the same, and its beat while all of it is. */
  configure(tracks: readonly TrackConfig[]): void {
    const wanted = new Map(
      tracks.flatMap((track) => (track.kind === "script" ? [[track.script.name, track.script] as const] : [])),
    );
    for (const [name, watch] of this.scripts) {
      const config = wanted.get(name);
      if (JSON.stringify(config) === JSON.stringify(watch.config)) continue;
      watch.timer.cancel();
      if (config === undefined) this.scripts.delete(name);
      else this.begin(config, keptVerdict(watch.verdict, config));
    }
    for (const [name, config] of wanted) if (!this.scripts.has(name)) this.begin(config, firstVerdict(config));
    this.processNames = new Set(tracks.flatMap((track) => (track.kind === "process" ? [track.name] : [])));
    const paths = new Set(tracks.flatMap((track) => (track.kind === "file" ? [track.path] : [])));
    for (const path of this.files.keys()) if (!paths.has(path)) this.files.delete(path);
    for (const path of paths) if (!this.files.has(path)) this.files.set(path, this.readNumber(path));
    if (this.processNames.size > 0) this.lookAtProcesses();
    const looksAtAnything = this.processNames.size > 0 || paths.size > 0;
    if (looksAtAnything && this.looks === null) this.looks = this.ports.loop.every(LOOK_INTERVAL_MS, () => this.look());
    if (!looksAtAnything) this.stopLooking();
    this.routes.follow(tracks.filter((track) => track.kind === "route"));
    this.witnesses.follow(tracks.filter((track) => track.kind === "witness"));
  }

  stop(): void {
    for (const watch of this.scripts.values()) watch.timer.cancel();
    this.scripts.clear();
    this.stopLooking();
    this.routes.stop();
    this.witnesses.stop();
  }

  /** False while the first word about the track is still awaited. */
  isKnown(track: TrackConfig): boolean {
    if (track.kind === "route") return this.routes.isKnown(track);
    if (track.kind === "witness") return this.witnesses.isKnown(track);
    return track.kind !== "script" || this.scripts.get(track.script.name)?.verdict.known === true;
  }

  /** Of whatever is no link and no proxy. */
  reading(track: Exclude<TrackConfig, { kind: "proxy" | "interface" }>): TrackReading {
    if (track.kind === "route") return this.routes.isWell(track);
    if (track.kind === "witness") return this.witnesses.isWell(track);
    if (track.kind === "file") return this.files.get(track.path) ?? 0;
    if (track.kind === "process") return this.processes.count(track.name) >= track.quorum;
    const verdict = this.scripts.get(track.script.name)?.verdict;
    // A script that a reload brought to a running instance: nobody falls before it has said anything.
    return verdict === undefined || !verdict.known || verdict.well;
  }

  scriptResult(result: ScriptResult): void {
    for (const watch of this.scripts.values()) {
      if (watch.runId === result.id) return this.ended(watch, result.ok, result.reason);
    }
  }

  private begin(config: VrrpScriptConfig, verdict: ScriptVerdict): void {
    const watch: ScriptWatch = {
      config,
      verdict,
      timer: this.ports.loop.after(0, () => this.run(watch)),
      runId: null,
      startedAt: this.ports.loop.now,
    };
    this.scripts.set(config.name, watch);
  }

  /** keepalived's beat: an interval from start to start; a run that takes longer delays the next. */
  private run(watch: ScriptWatch): void {
    const { command, user, timeoutMs } = watch.config;
    const id = this.nextRunId++;
    watch.runId = id;
    watch.startedAt = this.ports.loop.now;
    this.ports.runScript({ id, command, user, timeoutMs });
    const lateMs = timeoutMs + ANSWER_GRACE_MS;
    watch.timer = this.ports.loop.after(lateMs, () => this.ended(watch, false, "nobody answered for it"));
  }

  private ended(watch: ScriptWatch, good: boolean, reason: string): void {
    watch.runId = null;
    watch.timer.cancel();
    watch.timer = this.ports.loop.at(later(watch.startedAt, watch.config.intervalMs), () => this.run(watch));
    const before = watch.verdict;
    watch.verdict = afterRun(before, watch.config, good);
    if (before.known && before.well === watch.verdict.well) return;
    const { name } = watch.config;
    if (watch.verdict.well) this.ports.report("notice", name, `script ${name} succeeds`);
    else this.ports.report("warning", name, `script ${name} failed: ${reason}`);
    this.ports.changed();
  }

  private look(): void {
    let changed = false;
    if (this.processNames.size > 0) changed = this.lookAtProcesses();
    for (const [path, before] of this.files) {
      const value = this.readNumber(path);
      if (value === before) continue;
      this.files.set(path, value);
      changed = true;
    }
    if (changed) this.ports.changed();
  }

  private stopLooking(): void {
    this.looks?.cancel();
    this.looks = null;
  }

  /** True when one of the counts changed. */
  private lookAtProcesses(): boolean {
    const names = [...this.processNames];
    const before = names.map((name) => this.processes.count(name));
    const pids = readdirSync("/proc").map(Number).filter(Number.isInteger);
    this.processes.look(pids, processName, this.processNames);
    return names.some((name, i) => this.processes.count(name) !== before[i]);
  }

  /** The number in the file; 0 where there is none (keepalived). Never waits: what is not a plain file is not read. */
  private readNumber(path: string): number {
    try {
      const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
      try {
        if (!fstatSync(fd).isFile()) return 0;
        const bytes = new Uint8Array(FILE_BYTES_MAX);
        const length = readSync(fd, bytes, 0, FILE_BYTES_MAX, 0);
        const [text] = new TextDecoder().decode(bytes.subarray(0, length)).trim().split(/\s/);
        return /^[+-]?\d{1,10}$/.test(text) ? Number.parseInt(text, 10) : 0;
      } finally {
        closeSync(fd);
      }
    } catch {
      // Not there, or not for this user: keepalived's rule is that such a file says 0.
      return 0;
    }
  }
}

/** As `ps -o comm` shows it; names that the kernel cuts are completed from the command line. Null: it has ended. */
function processName(pid: number): string | null {
  try {
    const name = readFileSync(`/proc/${pid}/comm`, "utf8").trimEnd();
    if (name.length < COMM_CHARACTERS_MAX) return name;
    const [program] = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    const whole = program.slice(program.lastIndexOf("/") + 1);
    return whole.startsWith(name) ? whole : name;
  } catch {
    // It ended between the listing and now.
    return null;
  }
}
