/**
 * The supervisor: owns the configuration, every listening socket and the role processes. It reads no network bytes.
 *
 *   starting ──▶ running ──▶ stopping ──▶ (ended)
 *                  ▲  │
 *                  └──┘ reload: prepare everywhere, then commit everywhere, or abort
 */
import type { BallastEvent, EventLevel, ProcessStatus, Reply, Request, VrrpStatus } from "../admin/api.ts";
import type { Config } from "../config/types.ts";
import { type ProxyHealth, roleNames, type RoleName, type ServerState, type Verdict } from "../ipc/messages.ts";
import { unreachable } from "../lib/result.ts";
import { headerWords } from "../stats/layout.ts";
import type { Counters } from "../stats/shell/counters.ts";
import { monoNow, wallNow } from "../sys/clock.ts";
import type { Loop, LoopTimer } from "../sys/loop.ts";
import { notifyServiceManager, watchdogIntervalMs } from "../sys/notify.ts";
import { type Identity, SIGNAL } from "../sys/process.ts";
import { ADMIN_LISTENER, assignmentFor, type Running } from "./assignment.ts";
import { type Backoff, afterExit, noFailures } from "./backoff.ts";
import { Child } from "./child.ts";
import type { ConfigFailure, LoadedConfig } from "./config-file.ts";
import type { Listeners } from "./listeners.ts";
import { type ReloadEvent, type ReloadState, stepReload } from "./reload.ts";
import { COUNTERS_VARIABLE } from "./role-main.ts";
import { adoptConfig, applyOrder, applyVerdict, serverKey, type ServerStates } from "./server-states.ts";
import { roleTable } from "./table.ts";
import { wantedKeys } from "./wanted.ts";

/** Every role answers `prepare` within this time, or the reload is called off. */
const PREPARE_WITHIN_MS = 5000;
/** VRRP gives its addresses away before the proxy stops; longer than this nobody waits for it. */
const VRRP_STOP_WITHIN_MS = 1000;
/** What a role gets on top of its deadline before it is killed. */
const KILL_GRACE_MS = 1000;
/** A heartbeat that stands still over this many looks belongs to a hung role: 4 × 500 ms. */
const WATCHDOG_INTERVAL_MS = 500;
const WATCHDOG_LOOKS = 4;
/** A worker that crashes is back in a fraction of this; only a longer gap may move a VIP. */
const PROXY_DOWN_AFTER_MS = 1000;
/** `drain without limit` (SIGQUIT) as a number of milliseconds: about 24 days, the longest that fits 31 bits. */
export const DRAIN_FOREVER_MS = 0x7fffffff;

/** sysexits: bad configuration (spec of the command line). */
const EXIT_CONFIG = 78;

/** One role process over its restarts. */
interface Process {
  readonly name: string;
  readonly role: RoleName;
  readonly index: number;
  child: Child | null;
  state: ProcessStatus["state"];
  restarts: number;
  sinceWallMs: number;
  startedAtMs: number;
  backoff: Backoff;
  restart: LoopTimer | null;
  heartbeat: number;
  stillLooks: number;
  /** It ends by order and is not to come back. */
  leaving: boolean;
}

export interface SupervisorOptions {
  readonly loop: Loop;
  readonly listeners: Listeners;
  readonly adminListener: number;
  readonly counters: Counters;
  readonly countersPath: string;
  /** Resets the gauges of a worker that ended and takes its share out of the shared ones. */
  readonly forgetWorker: (index: number) => void;
  readonly registerObjects: (config: Config) => Readonly<Record<string, number>>;
  /** Rights that roles give up; null: there are none to give up. */
  readonly drop: { readonly identity: Identity | null } | null;
  readonly load: () => LoadedConfig | ConfigFailure;
  readonly log: (event: BallastEvent) => void;
  /** The log targets changed with a reload. */
  readonly relog: (config: Config) => void;
  /** Every role runs. */
  readonly onReady: () => void;
}

export class Supervisor {
  private readonly options: SupervisorOptions;
  private readonly loop: Loop;
  private readonly startedWallMs = wallNow();
  private readonly processes = new Map<string, Process>();
  private servers: ServerStates = new Map();
  private vrrp: readonly VrrpStatus[] = [];
  private loaded: LoadedConfig;
  private running: Running;
  private candidate: { readonly loaded: LoadedConfig; readonly running: Running } | null = null;
  private reloadState: ReloadState = { kind: "idle" };
  private reloadTimer: LoopTimer | null = null;
  private reloadReplies: ((reply: Reply) => void)[] = [];
  private lastReloadOk = true;
  private loadedWallMs = wallNow();
  private eventId = 0;
  private proxyHealth: ProxyHealth = { serving: false, reason: "workers are starting" };
  private proxyDownTimer: LoopTimer | null = null;
  private phase: "starting" | "running" | "stopping" = "starting";
  private processesChanged = false;
  private finish: (code: number) => void = () => undefined;

  constructor(first: LoadedConfig, options: SupervisorOptions) {
    this.options = options;
    this.loop = options.loop;
    this.loaded = first;
    this.running = this.runningOf(first, 1);
  }

  /** Starts every role; resolves with the exit code when the last one has ended after `stop`. */
  run(): Promise<number> {
    this.servers = adoptConfig(this.servers, null, this.running.config, wallNow());
    this.event("notice", "config.load", "", `configuration ${this.loaded.hash} loaded from ${this.loaded.path}`, {});
    for (const role of roleNames) if (role !== "vrrp") this.fitProcesses(role);
    if (roleTable.worker.processes(this.running.config) === 0) this.fitProcesses("vrrp");
    this.loop.every(WATCHDOG_INTERVAL_MS, () => this.watch());
    const watchdogMs = watchdogIntervalMs();
    if (watchdogMs !== null) this.loop.every(watchdogMs, () => notifyServiceManager("WATCHDOG=1"));
    return new Promise((resolve) => (this.finish = resolve));
  }

  // ---- processes

  /** Starts or ends processes of a role until there are as many as the configuration wants. */
  private fitProcesses(role: RoleName): void {
    const wanted = this.phase === "stopping" ? 0 : roleTable[role].processes(this.running.config);
    for (let index = 0; index < wanted; index++) {
      const name = processName(role, index);
      if (!this.processes.has(name)) this.startProcess(this.newProcess(name, role, index));
    }
    for (const process of this.processes.values()) {
      if (process.role === role && process.index >= wanted) this.stopProcess(process, "drain", this.drainMs());
    }
  }

  private newProcess(name: string, role: RoleName, index: number): Process {
    const process: Process = {
      name,
      role,
      index,
      child: null,
      state: "starting",
      restarts: 0,
      sinceWallMs: wallNow(),
      startedAtMs: 0,
      backoff: noFailures,
      restart: null,
      heartbeat: 0,
      stillLooks: 0,
      leaving: false,
    };
    this.processes.set(name, process);
    return process;
  }

  private startProcess(process: Process): void {
    const { role, index } = process;
    process.restart = null;
    process.startedAtMs = monoNow();
    process.stillLooks = 0;
    const child = new Child(this.loop, {
      role,
      index,
      drop: this.options.drop,
      environment: { [COUNTERS_VARIABLE]: this.options.countersPath },
      onExit: (how) => this.onExit(process, how),
    });
    process.child = child;
    this.setState(process, "starting");
    this.listenTo(process, child);
    const assignment = assignmentFor(role, index, this.running, [...this.servers.values()]);
    child.channel.send("start", assignment, this.descriptorsFor(role, assignment.listeners));
    if (role === "vrrp") child.channel.send("proxy_health", this.proxyHealth);
  }

  private listenTo(process: Process, child: Child): void {
    const { channel } = child;
    channel.on("ready", () => this.onReady(process));
    channel.on("prepared", ({ generation }) => this.reload({ kind: "prepared", process: process.name, generation }));
    channel.on("refused", (refusal) => this.onRefused(process, refusal.generation, refusal.reasons));
    channel.on("drained", () => this.setState(process, "stopped"));
    channel.on("event", (event) => this.publish({ ...event, source: process.name }));
    channel.on("verdict", (verdict) => this.onVerdict(verdict));
    channel.on("vrrp_status", (statuses) => {
      this.vrrp = statuses;
      this.admin()?.send("vrrp_status", statuses);
    });
    channel.on("request", ({ id, request, by }) => {
      this.answer(request, by, (reply) => channel.send("reply", { id, reply }));
    });
  }

  private onReady(process: Process): void {
    this.setState(process, "running");
    if (process.role === "worker") this.updateProxyHealth();
    if (process.role === "admin" && this.vrrp.length > 0) process.child?.channel.send("vrrp_status", this.vrrp);
    const waiting = [...this.processes.values()].filter((each) => each.state === "starting");
    if (this.phase !== "starting" || waiting.some((each) => each.role === "worker")) return;
    // The proxy serves: now the addresses may come to this node.
    this.fitProcesses("vrrp");
    if ([...this.processes.values()].some((each) => each.state === "starting")) return;
    this.phase = "running";
    this.event("notice", "appliance.ready", "", `ready, ${this.processes.size} processes`, {});
    notifyServiceManager("READY=1\nSTATUS=running");
    this.options.onReady();
  }

  private onExit(process: Process, how: string): void {
    const ranMs = monoNow() - process.startedAtMs;
    process.child = null;
    if (process.role === "worker") this.options.forgetWorker(process.index);
    if (process.leaving || this.phase === "stopping") {
      this.processes.delete(process.name);
      this.announceProcesses();
      if (this.phase === "stopping") this.continueStopping();
      else this.fitProcesses(process.role);
      return;
    }
    const { next, delayMs } = afterExit(process.backoff, ranMs);
    process.backoff = next;
    process.restarts++;
    this.setState(process, "restarting");
    this.event("error", "role.exit", process.name, `${process.name} ended with ${how}; restart in ${delayMs} ms`, {
      how,
      delay_ms: delayMs,
      restarts: process.restarts,
    });
    this.reload({ kind: "exited", process: process.name });
    if (process.role === "worker") this.updateProxyHealth();
    if (process.role === "vrrp") this.forgetVrrp();
    if (delayMs === 0) this.startProcess(process);
    else process.restart = this.loop.after(delayMs, () => this.startProcess(process));
  }

  private onRefused(process: Process, generation: number, reasons: readonly string[]): void {
    if (generation !== this.running.generation) {
      this.reload({ kind: "refused", process: process.name, generation, reasons });
      return;
    }
    for (const reason of reasons) this.event("error", "config.refused", process.name, reason, {});
    if (this.phase === "starting") {
      this.exitCode = EXIT_CONFIG;
      this.stop("now");
      return;
    }
    // It ran with this configuration before: something outside changed. Back-off tries again.
    process.child?.kill();
  }

  private exitCode = 0;

  private stopProcess(process: Process, mode: "drain" | "now", withinMs: number): void {
    if (process.leaving) return;
    process.leaving = true;
    process.restart?.cancel();
    if (!process.child) {
      this.processes.delete(process.name);
      return;
    }
    this.setState(process, "draining");
    process.child.channel.send("stop", { mode, withinMs });
    const { child } = process;
    if (withinMs < DRAIN_FOREVER_MS) this.loop.after(withinMs + KILL_GRACE_MS, () => child.kill());
  }

  /** A role whose loop has stopped turning is ended; its restart follows from its exit. */
  private watch(): void {
    for (const process of this.processes.values()) {
      if (!process.child || process.state === "starting") continue;
      const slot = headerWords.heartbeat + roleTable[process.role].heartbeat + process.index;
      const heartbeat = this.options.counters.header[slot]!;
      process.stillLooks = heartbeat === process.heartbeat ? process.stillLooks + 1 : 0;
      process.heartbeat = heartbeat;
      if (process.stillLooks < WATCHDOG_LOOKS) continue;
      process.stillLooks = 0;
      const silentMs = WATCHDOG_LOOKS * WATCHDOG_INTERVAL_MS;
      this.event("error", "role.hung", process.name, `${process.name} has been silent for ${silentMs} ms; killed`, {});
      process.child.kill(SIGNAL.KILL);
    }
  }

  private setState(process: Process, state: ProcessStatus["state"]): void {
    process.state = state;
    process.sinceWallMs = wallNow();
    this.announceProcesses();
  }

  /** Once a turn, however many changed. */
  private announceProcesses(): void {
    if (this.processesChanged) return;
    this.processesChanged = true;
    this.loop.defer(() => {
      this.processesChanged = false;
      this.admin()?.send("processes", {
        startedWallMs: this.startedWallMs,
        config: {
          path: this.loaded.path,
          generation: this.running.generation,
          hash: this.loaded.hash,
          loadedWallMs: this.loadedWallMs,
          lastReloadOk: this.lastReloadOk,
        },
        processes: [...this.processes.values()].map(({ name, child, state, restarts, sinceWallMs }) => ({
          name,
          pid: child?.pid ?? 0,
          state,
          restarts,
          sinceWallMs,
        })),
      });
    });
  }

  private admin(): Child["channel"] | null {
    return this.processes.get(processName("admin", 0))?.child?.channel ?? null;
  }

  private channelsOf(...roles: readonly RoleName[]): Child["channel"][] {
    const channels: Child["channel"][] = [];
    for (const { role, child } of this.processes.values())
      if (child && roles.includes(role)) channels.push(child.channel);
    return channels;
  }

  private descriptorsFor(role: RoleName, listeners: readonly string[]): readonly number[] {
    if (role === "admin") return listeners.map((key) => (key === ADMIN_LISTENER ? this.options.adminListener : -1));
    return this.options.listeners.descriptors(listeners);
  }

  // ---- health of servers and of the proxy

  private onVerdict(verdict: Verdict): void {
    const before = this.servers.get(serverKey(verdict.backend, verdict.server));
    const state = applyVerdict(this.servers, verdict, wallNow());
    if (!state || !before) return;
    this.publishServer(state);
    if (before.health === state.health) return;
    const level: EventLevel = state.health === "down" ? "warning" : "notice";
    const object = serverKey(state.backend, state.server);
    const text = `${object} is ${state.health.toUpperCase()}: ${state.checkStatus} ${state.checkInfo}`.trim();
    this.event(level, "server.state", object, text, {
      from: before.health,
      to: state.health,
      check: state.checkStatus,
      duration_ms: state.checkDurationMs,
    });
  }

  private publishServer(state: ServerState): void {
    const servers = new Map(this.servers);
    servers.set(serverKey(state.backend, state.server), state);
    this.servers = servers;
    for (const channel of this.channelsOf("worker", "admin", "director")) channel.send("server_state", state);
  }

  /** The proxy serves when a worker accepts. Good news counts at once, bad news after the time a restart takes. */
  private updateProxyHealth(): void {
    const workers = [...this.processes.values()].filter((process) => process.role === "worker");
    const serving = workers.some((process) => process.state === "running");
    this.proxyDownTimer?.cancel();
    this.proxyDownTimer = null;
    if (serving) this.setProxyHealth({ serving, reason: `${wantedKeys(this.running.config).length} listeners accept` });
    else if (this.proxyHealth.serving) {
      const reason = "no worker process is running";
      this.proxyDownTimer = this.loop.after(PROXY_DOWN_AFTER_MS, () => this.setProxyHealth({ serving: false, reason }));
    }
  }

  private setProxyHealth(health: ProxyHealth): void {
    if (health.serving === this.proxyHealth.serving) return;
    this.proxyHealth = health;
    for (const channel of this.channelsOf("vrrp")) channel.send("proxy_health", health);
    const level = health.serving ? "notice" : "error";
    this.event(
      level,
      "proxy.health",
      "",
      `proxy is ${health.serving ? "serving" : "not serving"}: ${health.reason}`,
      {},
    );
  }

  private forgetVrrp(): void {
    this.vrrp = [];
    this.admin()?.send("vrrp_status", []);
  }

  // ---- orders

  private answer(request: Request, by: string, reply: (reply: Reply) => void): void {
    switch (request.op) {
      case "reload":
        this.startReload(by, reply);
        return;
      case "stop":
        reply({ ok: true, text: request.now ? "stopping now" : "draining and stopping" });
        this.stop(request.now ? "now" : "drain");
        return;
      case "server":
        reply(this.orderServer(request, { admin: request.state }, by, request.reason));
        return;
      case "server_weight":
        reply(this.orderServer(request, { weight: request.weight }, by, ""));
        return;
      case "vrrp":
        reply(this.orderVrrp(request, by));
        return;
      default:
        unreachable(request);
    }
  }

  private orderServer(
    target: { readonly backend: string; readonly server: string },
    change: { readonly admin?: ServerState["admin"]; readonly weight?: number },
    by: string,
    reason: string,
  ): Reply {
    const object = serverKey(target.backend, target.server);
    const state = applyOrder(this.servers, { backend: target.backend, server: target.server, ...change }, wallNow());
    if (!state) return { ok: false, kind: "not_found", text: `there is no server ${object}` };
    this.publishServer(state);
    const text = `${object} set to ${change.admin ?? `weight ${change.weight}`} by ${by}${reason ? `: ${reason}` : ""}`;
    this.event("notice", "server.admin", object, text, { by, reason, admin: state.admin, weight: state.weight });
    return { ok: true, text };
  }

  private orderVrrp(request: Extract<Request, { op: "vrrp" }>, by: string): Reply {
    const known = this.running.config.vrrp.map((instance) => instance.name);
    if (known.length === 0) return { ok: false, kind: "refused", text: "no VRRP instance is configured" };
    if (request.instance !== null && !known.includes(request.instance)) {
      return { ok: false, kind: "not_found", text: `there is no VRRP instance ${request.instance}` };
    }
    const [channel] = this.channelsOf("vrrp");
    if (!channel) return { ok: false, kind: "busy", text: "the vrrp role is restarting" };
    channel.send("vrrp_order", { order: request.order, instance: request.instance });
    const object = request.instance ?? "all instances";
    this.event("notice", "vrrp.order", request.instance ?? "", `${request.order} of ${object} ordered by ${by}`, {
      by,
    });
    return { ok: true, text: `${request.order} of ${object} ordered` };
  }

  // ---- reload

  /** SIGHUP, `ballast reload` and the TUI all come here. */
  startReload(by: string, reply: (reply: Reply) => void = () => undefined): void {
    if (this.phase !== "running") {
      reply({ ok: false, kind: "busy", text: `cannot reload while ${this.phase}` });
      return;
    }
    if (this.reloadState.kind === "preparing") {
      reply({ ok: false, kind: "busy", text: "a reload is under way" });
      return;
    }
    notifyServiceManager(`RELOADING=1\nMONOTONIC_USEC=${Math.round(Number(process.hrtime.bigint() / 1000n))}`);
    const loaded = this.options.load();
    this.reloadReplies.push(reply);
    if ("issues" in loaded) {
      this.endReload({ ok: false, kind: "config", text: "the new configuration has errors", issues: loaded.issues });
      return;
    }
    const reasons = this.options.listeners.prepare(loaded.config);
    if (reasons.length > 0) {
      this.endReload({ ok: false, kind: "config", text: "the new configuration cannot be applied", issues: reasons });
      return;
    }
    this.candidate = { loaded, running: this.runningOf(loaded, this.running.generation + 1) };
    this.event("info", "config.reload", "", `reload to ${loaded.hash} ordered by ${by}`, { by });
    this.sendPrepare(this.candidate.running);
  }

  private sendPrepare(candidate: Running): void {
    const servers = adoptConfig(this.servers, this.running.config, candidate.config, wallNow());
    const processes: string[] = [];
    for (const { name, role, index, child, leaving } of this.processes.values()) {
      if (!child || leaving) continue;
      const assignment = assignmentFor(role, index, candidate, [...servers.values()]);
      child.channel.send("prepare", assignment, this.descriptorsFor(role, assignment.listeners));
      processes.push(name);
    }
    this.reloadTimer = this.loop.after(PREPARE_WITHIN_MS, () => this.reload({ kind: "late" }));
    this.reload({ kind: "begin", generation: candidate.generation, processes });
  }

  private reload(event: ReloadEvent): void {
    const { state, effects } = stepReload(this.reloadState, event);
    this.reloadState = state;
    for (const effect of effects) {
      if (effect.kind === "commit") this.commit();
      else this.abort(effect.generation, effect.reasons);
    }
  }

  private commit(): void {
    const { candidate } = this;
    if (!candidate) return;
    this.servers = adoptConfig(this.servers, this.running.config, candidate.running.config, wallNow());
    this.loaded = candidate.loaded;
    this.running = candidate.running;
    this.loadedWallMs = wallNow();
    const { generation } = this.running;
    for (const channel of this.channelsOf(...roleNames)) channel.send("commit", { generation });
    this.options.listeners.keepOnly(this.running.config);
    this.options.relog(this.running.config);
    for (const role of roleNames) this.fitProcesses(role);
    this.endReload({ ok: true, text: `configuration ${this.loaded.hash} is running (generation ${generation})` });
  }

  private abort(generation: number, reasons: readonly string[]): void {
    for (const channel of this.channelsOf(...roleNames)) channel.send("abort", { generation });
    this.options.listeners.keepOnly(this.running.config);
    this.endReload({ ok: false, kind: "config", text: "the new configuration was refused", issues: reasons });
  }

  private endReload(reply: Reply): void {
    this.reloadTimer?.cancel();
    this.reloadTimer = null;
    this.candidate = null;
    this.lastReloadOk = reply.ok;
    const kept = reply.ok ? "" : `; still running ${this.loaded.hash}: ${(reply.issues ?? []).join(" | ")}`;
    this.event(reply.ok ? "notice" : "error", "config.reload", "", reply.text + kept, { ok: reply.ok ? 1 : 0 });
    notifyServiceManager("READY=1");
    this.announceProcesses();
    for (const answer of this.reloadReplies.splice(0)) answer(reply);
  }

  private runningOf(loaded: LoadedConfig, generation: number): Running {
    return {
      generation,
      config: loaded.config,
      objects: this.options.registerObjects(loaded.config),
      tls: loaded.tls,
      counters: this.options.countersPath,
      configText: loaded.masked,
    };
  }

  // ---- stop

  /** First call drains within hard_stop_after, a second one ends everything now. */
  stop(mode: "drain" | "now" | "forever"): void {
    if (this.phase !== "stopping") {
      this.phase = "stopping";
      notifyServiceManager("STOPPING=1");
      this.event("notice", "appliance.stop", "", mode === "now" ? "stopping now" : "draining and stopping", { mode });
      this.drainLimitMs = mode === "forever" ? DRAIN_FOREVER_MS : this.running.config.global.hardStopAfterMs;
      if (mode !== "now") return this.continueStopping();
    }
    for (const process of this.processes.values()) {
      process.leaving = false;
      this.stopProcess(process, "now", 0);
    }
    this.continueStopping();
  }

  private drainLimitMs = 0;

  private drainMs(): number {
    return this.phase === "stopping" ? this.drainLimitMs : this.running.config.global.hardStopAfterMs;
  }

  /** Order of going: VRRP (the VIPs leave), workers (sessions end), director, admin (the last to be seen). */
  private continueStopping(): void {
    const order: readonly (readonly [RoleName, number])[] = [
      ["vrrp", VRRP_STOP_WITHIN_MS],
      ["worker", this.drainLimitMs],
      ["director", KILL_GRACE_MS],
      ["admin", KILL_GRACE_MS],
    ];
    for (const [role, withinMs] of order) {
      const rest = [...this.processes.values()].filter((process) => process.role === role);
      for (const process of rest) this.stopProcess(process, "drain", withinMs);
      if ([...this.processes.values()].some((process) => process.role === role)) return;
    }
    this.finish(this.exitCode);
  }

  // ---- events

  private event(
    level: EventLevel,
    kind: string,
    object: string,
    text: string,
    fields: Readonly<Record<string, string | number>>,
  ): void {
    this.publish({ id: 0, wallMs: wallNow(), level, source: "supervisor", kind, object, text, fields });
  }

  private publish(event: BallastEvent): void {
    const numbered = { ...event, id: ++this.eventId };
    this.options.log(numbered);
    this.admin()?.send("event", numbered);
  }

  /** SIGUSR1: what runs, as log lines. */
  dump(): void {
    for (const { name, child, state, restarts } of this.processes.values()) {
      const text = `${name} pid ${child?.pid ?? 0} ${state}, ${restarts} restarts`;
      this.event("info", "appliance.dump", name, text, {});
    }
    for (const server of this.servers.values()) {
      const object = serverKey(server.backend, server.server);
      const text = `${object} ${server.health} ${server.admin} weight ${server.weight} ${server.checkStatus}`;
      this.event("info", "appliance.dump", object, text, {});
    }
  }
}

function processName(role: RoleName, index: number): string {
  return role === "worker" ? `worker/${index}` : role;
}
