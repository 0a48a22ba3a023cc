/**
 * The supervisor: owns the configuration, every listening socket and the role processes. It reads no network bytes.
 *
 *   starting ──▶ running ──▶ stopping ──▶ (ended)
 *                  ▲  │
 *                  └──┘ reload
 */
import type { BallastEvent, Happening } from "../admin/api.ts";
import { roleNames, type RoleName, type ServerState, type VrrpStanding } from "../ipc/messages.ts";
import type { Channel } from "../ipc/shell/channel.ts";
import type { Loop } from "../sys/loop.ts";
import { notifyServiceManager, watchdogIntervalMs } from "../sys/notify.ts";
import { AdminView } from "./admin-view.ts";
import { ADMIN_LISTENER, assignmentFor, type Running } from "./assignment.ts";
import { launchCommand } from "./command-launch.ts";
import type { LoadedConfig } from "./config-file.ts";
import { EventBook } from "./event-book.ts";
import { Hooks } from "./hooks.ts";
import { LastWill } from "./last-will.ts";
import { OrderDesk } from "./order-desk.ts";
import { DRAIN_FOREVER_MS, ProcessTable, type ProcessTableOptions } from "./process-table.ts";
import { ProxyHealthKeeper } from "./proxy-health.ts";
import { Reloader, type ReloaderOptions } from "./reloader.ts";
import type { RoleProcess } from "./role-process.ts";
import { ServerBook } from "./server-book.ts";
import { serverKey } from "./server-states.ts";
import { nextToStop } from "./stop-order.ts";
import { rightsText } from "./starter.ts";
import { roleTable } from "./table.ts";
import { wantedKeys } from "./wanted.ts";

/** sysexits: bad configuration (spec of the command line). */
const EXIT_CONFIG = 78;
/** What hooks get when everything else has ended; the last one tells that this node stops. */
const HOOKS_WITHIN_MS = 5000;

export interface SupervisorOptions
  extends
    Pick<ProcessTableOptions, "header" | "countersPath" | "drop">,
    Pick<ReloaderOptions, "listeners" | "objects" | "load"> {
  readonly loop: Loop;
  readonly adminListener: number;
  readonly log: (event: BallastEvent) => void;
  /** Log files are made for the roles before they are told of them; answers the problems. */
  readonly giveLogs: (running: Running) => readonly string[];
  /** Makes what the director writes and loads the kernel's module; null, or what went wrong. */
  readonly giveIpvs: (config: Running["config"]) => string | null;
  /** The log targets changed with a reload. */
  readonly relog: (running: Running) => void;
  /** Every role runs. */
  readonly onReady: () => void;
}

export class Supervisor {
  private readonly options: SupervisorOptions;
  private readonly loop: Loop;
  private readonly processes: ProcessTable;
  private readonly reloader: Reloader;
  private readonly health: ProxyHealthKeeper;
  private readonly events: EventBook;
  private readonly view: AdminView;
  private readonly desk: OrderDesk;
  private readonly hooks: Hooks;
  private readonly servers: ServerBook;
  private readonly lastWill = new LastWill();
  /** What was ordered of VRRP instances: it holds although the role that was told dies. */
  private standing: readonly VrrpStanding[] = [];
  private phase: "starting" | "running" | "stopping" = "starting";
  private drainLimitMs = 0;
  /** The last event that reached the notify role before it ended against orders. */
  private notifyHeardId = 0;
  private hooksWithinMs = HOOKS_WITHIN_MS;
  private exitCode = 0;
  private finish: (code: number) => void = () => undefined;
  /** Why roles refused the first configuration. */
  readonly refusals: string[] = [];

  constructor(first: LoadedConfig, running: Running, options: SupervisorOptions) {
    const { loop } = options;
    this.options = options;
    this.loop = loop;
    this.events = new EventBook({
      log: options.log,
      hook: (event) => this.hooks.event(event),
      channels: () => this.processes.channels("admin", "notify"),
    });
    this.servers = new ServerBook(running.config, {
      publish: (state) => this.publishServer(state),
      tell: (happening) => this.events.tell(happening),
    });
    this.view = new AdminView({ loop, processes: () => this.processes, reloader: () => this.reloader });
    this.health = new ProxyHealthKeeper(loop, () => this.tellProxyHealth());
    this.hooks = new Hooks({ loop, launch: launchCommand, tell: (happening) => this.events.tell(happening) });
    this.processes = new ProcessTable({
      ...options,
      rightsOf: (role) => rightsText(roleTable[role].keep(this.config)),
      makesRoom: (role) => roleTable[role].makesRoom?.(this.config) === true,
      onStart: (process, channel) => this.onStart(process, channel),
      onLost: (process, how, delayMs) => this.onLost(process, how, delayMs),
      onLeft: (process) => this.onLeft(process),
      onHung: (process, silentMs) => this.onHung(process, silentMs),
      onChange: () => this.view.changed(),
    });
    this.reloader = new Reloader(first, running, {
      ...options,
      processes: this.processes,
      serversOf: (next) => this.servers.statesUnder(next.config, this.config),
      descriptorsFor: (role, listeners) => this.descriptorsFor(role, listeners),
      tell: (happening) => this.events.tell(happening),
      onBegin: () => {
        notifyServiceManager(`RELOADING=1\nMONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`);
      },
      beforePrepare: (next) => this.giveLogs(next),
      onCommit: (next) => {
        this.servers.adopt(next.config, this.config);
        this.options.relog(next);
        this.hooks.configure(next.config);
      },
      onEnd: () => {
        // What a committed configuration has more or fewer of; nothing when it was refused.
        this.fitAll();
        notifyServiceManager("READY=1");
        this.view.changed();
      },
    });
    this.desk = new OrderDesk({
      processes: this.processes,
      reloader: this.reloader,
      servers: this.servers,
      events: this.events,
      vrrp: () => this.view.vrrpStatuses,
      phase: () => this.phase,
      stop: (mode) => this.stop(mode),
    });
  }

  /** Starts every role; resolves with the exit code when the last one has ended after `stop`. */
  run(): Promise<number> {
    const { hash, path } = this.reloader;
    this.events.event("notice", "config.load", "", `configuration ${hash} loaded from ${path}`);
    this.giveLogs(this.reloader.running);
    this.hooks.configure(this.config);
    for (const role of roleNames) if (role !== "vrrp") this.fit(role);
    if (roleTable.worker.processes(this.config) === 0) this.fit("vrrp");
    return new Promise((resolve) => (this.finish = resolve));
  }

  private get config(): Running["config"] {
    return this.reloader.running.config;
  }

  // ---- processes

  private fit(role: RoleName): void {
    if (this.phase === "stopping") return;
    this.processes.fit(role, roleTable[role].processes(this.config), this.config.global.hardStopAfterMs);
  }

  private fitAll(): void {
    for (const role of roleNames) this.fit(role);
  }

  private onStart(process: RoleProcess, channel: Channel): void {
    this.listenTo(process, channel);
    const { role, index } = process;
    const assignment = assignmentFor(role, index, this.reloader.running, this.servers.all);
    if (role === "vrrp") channel.send("vrrp_standing", this.standing);
    channel.send("start", assignment, this.descriptorsFor(role, assignment.listeners));
    this.reloader.join(process, channel);
    if (role === "director") this.giveIpvs(channel);
    if (role === "vrrp") channel.send("proxy_health", this.health.current);
    // What happened while nobody could tell people of it, its own end included.
    if (role === "notify" && process.restarts > 0) this.events.repeat(channel, this.notifyHeardId);
    if (role !== "admin") return;
    // A new admin role knows nothing yet of what has happened.
    this.view.repeat(channel);
    this.view.repeatLvs(channel);
    this.events.repeat(channel);
  }

  /** What the director needs and may not make itself; it tries again while there is none. */
  private giveIpvs(channel: Channel): void {
    this.view.repeat(channel);
    const problem = this.config.lvs === undefined ? null : this.options.giveIpvs(this.config);
    if (problem !== null) this.events.event("warning", "lvs.table", "", problem);
  }

  private listenTo(process: RoleProcess, channel: Channel): void {
    channel.on("ready", () => this.onReady(process));
    channel.on("prepared", ({ generation }) =>
      this.reloader.step({ kind: "prepared", process: process.name, generation }),
    );
    channel.on("refused", ({ generation, reasons }) => this.onRefused(process, generation, reasons));
    channel.on("drained", () => this.processes.setState(process, "stopped"));
    channel.on("event", (event) => this.events.publish({ ...event, source: process.name }));
    channel.on("verdict", (verdict) => this.servers.verdict(verdict));
    channel.on("vrrp_status", (statuses) => this.view.setVrrp(statuses));
    channel.on("lvs_status", (status) => this.view.setLvs(status));
    channel.on("vrrp_will", (will) => this.lastWill.set(will));
    channel.on("vrrp_standing", (standing) => (this.standing = standing));
    channel.on("request", ({ id, request, by }) => {
      this.desk.answer(request, by, (reply) => channel.send("reply", { id, reply }));
    });
    channel.on("run_script", (script) => {
      this.hooks.runScript(script, (result) => channel.send("script_result", result));
    });
  }

  private onReady(process: RoleProcess): void {
    if (!process.leaving) this.processes.setState(process, "running");
    if (process.role === "worker") this.updateProxyHealth();
    if (this.phase !== "starting") return;
    // The proxy serves: now the addresses may come to this node.
    if (this.processes.of("worker").every((worker) => worker.state === "running")) this.fit("vrrp");
    if (this.processes.all.some((each) => each.state !== "running")) return;
    this.phase = "running";
    this.events.event("notice", "appliance.ready", "", `ready, ${this.processes.all.length} processes`);
    notifyServiceManager("READY=1\nSTATUS=running");
    // systemd counts from READY on.
    const watchdogMs = watchdogIntervalMs();
    if (watchdogMs !== null) this.loop.every(watchdogMs, () => notifyServiceManager("WATCHDOG=1"));
    this.options.onReady();
    this.reloader.catchUp();
  }

  private onLost(process: RoleProcess, how: string, delayMs: number): void {
    const { name, role, restarts } = process;
    if (role === "notify") this.notifyHeardId = this.events.lastId;
    const text = `${name} ended with ${how}; restart in ${delayMs} ms`;
    this.events.event("error", "role.exit", name, text, { how, delay_ms: delayMs, restarts });
    this.forget(process);
    this.reloader.step({ kind: "exited", process: name });
  }

  private onLeft(process: RoleProcess): void {
    this.forget(process);
    // With its last instance, which takes the orders along.
    if (process.role === "vrrp") this.standing = [];
    if (this.phase === "stopping") this.continueStopping();
    else this.fit(process.role);
  }

  /** What an ended process leaves behind: its counts, its part in the proxy's health, its VRRP status. */
  private forget(process: RoleProcess): void {
    if (process.role === "worker") {
      this.options.objects.forgetWorker(process.index);
      this.updateProxyHealth();
    }
    if (process.role !== "vrrp") return;
    const done = this.lastWill.open();
    if (done !== null) this.events.event("warning", "vrrp.address", "", done);
    this.view.setVrrp([]);
  }

  private onHung({ name, state }: RoleProcess, silentMs: number): void {
    const what = state === "starting" ? "was not ready" : "has been silent";
    this.events.event("error", "role.hung", name, `${name} ${what} for ${silentMs} ms; killed`);
  }

  private onRefused(process: RoleProcess, generation: number, reasons: readonly string[]): void {
    if (generation !== this.reloader.running.generation) {
      this.reloader.step({ kind: "refused", process: process.name, generation, reasons });
      return;
    }
    for (const reason of reasons) this.events.event("error", "config.refused", process.name, reason);
    if (this.phase === "starting") {
      this.refusals.push(...reasons.map((reason) => `${process.name}: ${reason}`));
      this.exitCode = EXIT_CONFIG;
      this.stop("now");
      return;
    }
    // It ran with this configuration before: something outside changed. Back-off tries again.
    process.child?.kill();
  }

  private descriptorsFor(role: RoleName, listeners: readonly string[]): readonly number[] {
    if (role === "admin") return listeners.map((key) => (key === ADMIN_LISTENER ? this.options.adminListener : -1));
    return this.options.listeners.descriptors(listeners);
  }

  private giveLogs(running: Running): void {
    for (const problem of this.options.giveLogs(running)) this.events.event("warning", "log.target", "", problem);
  }

  // ---- health of servers and of the proxy

  private publishServer(state: ServerState): void {
    for (const channel of this.processes.channels("worker", "admin", "director")) channel.send("server_state", state);
  }

  private updateProxyHealth(): void {
    const serving = this.processes.of("worker").filter((worker) => worker.state === "running");
    this.health.update(serving.length, wantedKeys(this.config).length);
  }

  private tellProxyHealth(): void {
    const { current } = this.health;
    for (const channel of this.processes.channels("vrrp")) channel.send("proxy_health", current);
    const text = `proxy is ${current.serving ? "serving" : "not serving"}: ${current.reason}`;
    this.events.event(current.serving ? "notice" : "error", "proxy.health", "", text);
  }

  /** SIGHUP. */
  hangUp(): void {
    if (this.phase !== "stopping") this.reloader.signalled(this.phase === "running");
  }

  // ---- stop

  /** The first call drains within hard_stop_after (`forever`: without limit), a second one ends everything now. */
  stop(mode: "drain" | "now" | "forever"): void {
    const isFirst = this.phase !== "stopping";
    if (isFirst) {
      this.phase = "stopping";
      notifyServiceManager("STOPPING=1");
      this.health.end();
      this.events.event("notice", "appliance.stop", "", mode === "now" ? "stopping now" : "draining and stopping", {
        mode,
      });
      this.drainLimitMs = mode === "forever" ? DRAIN_FOREVER_MS : this.config.global.hardStopAfterMs;
      this.processes.close();
    }
    if (!isFirst || mode === "now") {
      this.hooksWithinMs = 0;
      this.processes.endAllNow();
    }
    this.continueStopping();
  }

  private continueStopping(): void {
    const present = new Set(this.processes.all.map(({ role }) => role));
    const step = nextToStop(present, this.drainLimitMs);
    if (!step) return this.hooks.finish(this.hooksWithinMs, () => this.finish(this.exitCode));
    for (const process of this.processes.of(step.role)) this.processes.end(process, "drain", step.withinMs);
    // Ours too, or the kernel would go on taking connections that nobody serves.
    if (step.role === "worker") this.options.listeners.closeAll();
  }

  // ---- events

  /** What this process says of its own work: its log, for example. */
  tell(happening: Happening): void {
    this.events.tell(happening);
  }

  /** A signal whose meaning is fixed and not there yet. */
  notSupported(signal: string, what: string): void {
    this.events.event("warning", "appliance.signal", "", `${signal}: ${what} is not supported yet`);
  }

  /** SIGUSR1: what runs, as log lines. */
  dump(): void {
    for (const { name, child, state, restarts } of this.processes.all) {
      this.events.event(
        "info",
        "appliance.dump",
        name,
        `${name} pid ${child?.pid ?? 0} ${state}, ${restarts} restarts`,
      );
    }
    for (const server of this.servers.all) {
      const object = serverKey(server.backend, server.server);
      const text = `${object} ${server.health} ${server.admin} weight ${server.weight} ${server.checkStatus}`;
      this.events.event("info", "appliance.dump", object, text);
    }
  }
}
