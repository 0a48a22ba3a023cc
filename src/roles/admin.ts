/**
 * The admin role: answers CLI, TUI and scripts on the Unix socket, from what the supervisor tells it and from the
 * shared counters. It holds no rights and no secrets; orders go to the supervisor with the caller's name.
 */
import { describeCaller, type Caller } from "../admin/access.ts";
import type { ContentType } from "../admin/answer.ts";
import type { BallastEvent, EventLevel, LvsStatus, Reply, Request, VrrpStatus } from "../admin/api.ts";
import { Appliance } from "../admin/appliance.ts";
import { CounterFigures } from "../admin/figures.ts";
import { Journal } from "../admin/journal.ts";
import { Orders } from "../admin/orders.ts";
import type { FirstSeen } from "../admin/problems.ts";
import { describeRequest, objectOf } from "../admin/request.ts";
import { AdminServer, type ServerLimits, serverLimits, type ServerSource } from "../admin/shell/server.ts";
import { buildSnapshot, type SharedSnapshot } from "../admin/snapshot.ts";
import { maskConfig } from "../config/mask.ts";
import { configToml } from "../config/show.ts";
import type { Assignment, Processes, ServerState } from "../ipc/messages.ts";
import type { Channel } from "../ipc/shell/channel.ts";
import { assert } from "../lib/result.ts";
import { later, type MonoMs } from "../lib/time.ts";
import { version } from "../lib/version.ts";
import { openCounters } from "../stats/shell/counters.ts";
import { wallNow } from "../sys/clock.ts";
import type { Loop } from "../sys/loop.ts";
import { close } from "../sys/socket.ts";

/** Many readers see the same picture; a TUI asks once a second. */
const SNAPSHOT_KEPT_MS = 200;
const ORDERS_INTERVAL_MS = 250;
/** How exact the dates of problems are; with 3,000 servers a look takes some milliseconds. */
const PROBLEMS_INTERVAL_MS = 2000;

/** Starts the role on its channel; the loop ends when it is told to stop or the supervisor is gone. */
export function runAdmin(channel: Channel, loop: Loop, limits: ServerLimits = serverLimits): void {
  let role: AdminRole | null = null;
  const started = (): AdminRole => {
    assert(role !== null, "admin: an order before start");
    return role;
  };
  channel.on("start", (assignment, descriptors) => {
    role = new AdminRole(channel, loop, limits, assignment, descriptors);
    channel.send("ready", { pid: process.pid });
  });
  channel.on("prepare", (assignment, descriptors) => started().prepare(assignment, descriptors));
  channel.on("commit", ({ generation }) => started().commit(generation));
  channel.on("abort", () => started().abort());
  channel.on("server_state", (state) => started().onServerState(state));
  channel.on("vrrp_status", (statuses) => started().onVrrpStatus(statuses));
  channel.on("lvs_status", (status) => started().onLvsStatus(status));
  channel.on("processes", (processes) => started().onProcesses(processes));
  channel.on("event", (event) => started().onEvent(event));
  channel.on("reply", ({ id, reply }) => started().orders.settle(id, reply));
  channel.on("stop", ({ mode, withinMs }) => (role === null ? loop.stop() : role.stop(mode, withinMs)));
  channel.onClose(() => {
    role?.server.close();
    loop.stop();
  });
}

class AdminRole implements ServerSource {
  readonly appliance: Appliance;
  readonly orders: Orders;
  readonly server: AdminServer;
  private readonly journal = new Journal();
  private readonly channel: Channel;
  private readonly loop: Loop;
  private readonly figures: CounterFigures;
  /** The new listening descriptor of a prepared configuration. */
  private nextListener: number | null = null;
  private cached: { readonly text: string; readonly until: MonoMs } | null = null;
  private seen: FirstSeen = new Map();

  constructor(
    channel: Channel,
    loop: Loop,
    limits: ServerLimits,
    assignment: Assignment,
    descriptors: readonly number[],
  ) {
    this.channel = channel;
    this.loop = loop;
    this.appliance = new Appliance(assignment);
    this.figures = new CounterFigures(openCounters(assignment.counters, false), assignment.config, assignment.objects);
    this.orders = new Orders(limits.orderTimeoutMs);
    this.server = new AdminServer(loop, this, limits);
    const [listener] = descriptors;
    assert(listener !== undefined, "admin: started without a listener");
    this.server.listen(listener);
    loop.every(ORDERS_INTERVAL_MS, () => this.orders.expire(loop.now));
    // A problem dates from when it was first seen, and not from when somebody first asked.
    loop.every(PROBLEMS_INTERVAL_MS, () => void this.build());
  }

  // ---- what the supervisor says

  prepare(assignment: Assignment, descriptors: readonly number[]): void {
    this.dropNextListener();
    this.nextListener = descriptors[0] ?? null;
    this.appliance.prepare(assignment);
    this.channel.send("prepared", { generation: assignment.generation });
  }

  commit(generation: number): void {
    const assignment = this.appliance.commit(generation);
    if (assignment === null) return;
    this.figures.configure(assignment.config, assignment.objects);
    if (this.nextListener !== null) this.server.listen(this.nextListener);
    this.nextListener = null;
    this.cached = null;
  }

  abort(): void {
    this.appliance.abort();
    this.dropNextListener();
  }

  onServerState(state: ServerState): void {
    this.appliance.setServer(state);
    this.cached = null;
  }

  onVrrpStatus(statuses: readonly VrrpStatus[]): void {
    this.appliance.setVrrp(statuses);
    this.cached = null;
  }

  onLvsStatus(status: LvsStatus): void {
    this.appliance.lvs = status;
    this.cached = null;
  }

  onProcesses(processes: Processes): void {
    this.appliance.processes = processes;
    this.cached = null;
  }

  onEvent(event: BallastEvent): void {
    const kept = this.journal.add(event);
    this.appliance.noteEvent(event);
    if (kept !== null) this.server.publish(kept);
  }

  stop(mode: "drain" | "now", withinMs: number): void {
    const limit = this.loop.after(mode === "now" ? 0 : withinMs, () => this.end());
    this.server.drain(() => {
      limit.cancel();
      this.end();
    });
  }

  private end(): void {
    this.server.close();
    this.channel.send("drained", {});
    this.loop.stop();
  }

  private dropNextListener(): void {
    if (this.nextListener !== null) close(this.nextListener);
    this.nextListener = null;
  }

  // ---- what clients ask

  snapshot(caller: Caller): string {
    if (this.cached === null || this.loop.now >= this.cached.until) this.cached = this.takeSnapshot();
    const own = JSON.stringify({ mayWrite: caller.mayWrite, user: caller.name });
    // One object from two texts: the large one is the same for everybody.
    return `${this.cached.text.slice(0, -1)},${own.slice(1)}\n`;
  }

  /** TOML for a person: the files as written, or one file with every default filled in. JSON for programs. */
  config(options: { readonly defaults: boolean; readonly accept: string }): {
    readonly type: ContentType;
    readonly body: string;
  } {
    const { config, configText } = this.appliance;
    if (options.accept.toLowerCase().includes("application/toml")) {
      const asWritten = options.defaults ? null : configText;
      return { type: "application/toml", body: asWritten ?? configToml(config) };
    }
    return { type: "application/json", body: `${JSON.stringify(maskConfig(config), null, 2)}\n` };
  }

  eventsSince(id: number): readonly BallastEvent[] {
    return this.journal.since(id);
  }

  adminGroup(): string | null {
    return this.appliance.config.admin.adminGroup;
  }

  order(request: Request, caller: Caller, reply: (reply: Reply) => void): void {
    const by = describeCaller(caller);
    // Before the order itself: what `stop` ends is then on record.
    this.sendEvent("notice", "admin.order", objectOf(request), `${by} ordered: ${describeRequest(request)}`, {
      user: caller.name,
      uid: caller.uid,
      op: request.op,
    });
    const told = (outcome: Reply): void => {
      // Of a reload the supervisor tells itself.
      if (!outcome.ok && request.op !== "reload")
        this.sendEvent("notice", "admin.refused", objectOf(request), `refused: ${outcome.text}`, {});
      reply(outcome);
    };
    this.channel.send("request", { id: this.orders.open(told, this.loop.now), request, by });
  }

  report(level: EventLevel, kind: string, text: string, fields: BallastEvent["fields"]): void {
    this.sendEvent(level, kind, "", text, fields);
  }

  private takeSnapshot(): { readonly text: string; readonly until: MonoMs } {
    return { text: JSON.stringify(this.build()), until: later(this.loop.now, SNAPSHOT_KEPT_MS) };
  }

  private build(): SharedSnapshot {
    const { snapshot, seen } = buildSnapshot({
      appliance: this.appliance,
      figures: this.figures,
      version,
      wallMs: wallNow(),
      seen: this.seen,
    });
    this.seen = seen;
    return snapshot;
  }

  /** Numbered and logged by the supervisor, and back from it into the journal. */
  private sendEvent(
    level: EventLevel,
    kind: string,
    object: string,
    text: string,
    fields: BallastEvent["fields"],
  ): void {
    this.channel.send("event", { id: 0, wallMs: wallNow(), level, source: "admin", kind, object, text, fields });
  }
}
