/**
 * The director role: health checks of every server, once for the whole appliance. It tells the supervisor what it
 * finds, and the supervisor tells everybody. Servers without a check count as up and do not concern it. Real servers of
 * LVS and the kernel's table are its other half: `lvs-director.ts`.
 */
import { checkedKey, type CheckedServer, checkedServers, initialHealthOf } from "../checks/plan.ts";
import { Checker, type KnownServer } from "../checks/shell/checker.ts";
import type { Assignment, MessagePayloads, ServerState } from "../ipc/messages.ts";
import type { Channel } from "../ipc/shell/channel.ts";
import { wallNow } from "../sys/clock.ts";
import type { Loop } from "../sys/loop.ts";
import { LvsDirector, type LvsKernel } from "./lvs-director.ts";

/** A shortage on this machine makes every check fail at once: it is told once a minute. */
const UNABLE_EVENT_INTERVAL_MS = 60_000;

/** Sets the role up on its loop; it runs with `loop.run()` and stops the loop when it has ended. */
export function runDirector(channel: Channel, loop: Loop, kernel?: LvsKernel): void {
  const director = new Director(channel, loop, kernel);
  channel.on("start", (assignment) => director.start(assignment));
  channel.on("prepare", (assignment) => director.prepare(assignment));
  channel.on("commit", ({ generation }) => director.commit(generation));
  channel.on("abort", ({ generation }) => director.abort(generation));
  channel.on("server_state", (state) => director.serverState(state));
  channel.on("vrrp_status", (statuses) => director.lvs.setVrrp(statuses));
  channel.on("lvs_order", (order) => director.lvs.order(order));
  channel.on("script_result", (result) => director.lvs.scriptResult(result));
  channel.on("stop", (order) => director.stop(order));
  channel.onClose(() => loop.stop());
}

class Director {
  readonly lvs: LvsDirector;
  private readonly channel: Channel;
  private readonly loop: Loop;
  private readonly checker: Checker;
  private prepared: Assignment | null = null;
  private nextUnableEventMs = 0;

  constructor(channel: Channel, loop: Loop, kernel: LvsKernel | undefined) {
    this.channel = channel;
    this.loop = loop;
    this.lvs = new LvsDirector(channel, loop, kernel);
    this.checker = new Checker(loop, {
      random: Math.random,
      onVerdict: (verdict) => channel.send("verdict", verdict),
      onUnable: (server, reason) => this.tellUnable(server, reason),
    });
  }

  start(assignment: Assignment): void {
    this.configure(assignment);
    this.channel.send("ready", { pid: process.pid });
  }

  /** Nothing can fail later: what a check meets is its result. */
  prepare(assignment: Assignment): void {
    this.prepared = assignment;
    this.channel.send("prepared", { generation: assignment.generation });
  }

  commit(generation: number): void {
    if (this.prepared?.generation !== generation) return;
    this.configure(this.prepared);
    this.prepared = null;
  }

  abort(generation: number): void {
    if (this.prepared?.generation === generation) this.prepared = null;
  }

  /** The operator's order about a server; its health is our own news coming back. */
  serverState({ backend, server, admin }: ServerState): void {
    this.checker.setMaint(checkedKey({ backend, server }), admin === "maint");
  }

  /** Checks go on while real servers drain: another director comes only after this one. */
  stop(order: MessagePayloads["stop"]): void {
    this.lvs.stop(order, () => {
      this.checker.stop();
      this.channel.send("drained", {});
      this.loop.defer(() => this.loop.stop());
    });
  }

  private configure({ config, servers }: Assignment): void {
    const states = new Map(servers.map((state) => [checkedKey(state), state]));
    const known = (server: CheckedServer): KnownServer => {
      const state = states.get(checkedKey(server));
      return { health: initialHealthOf(state), isMaint: state?.admin === "maint" };
    };
    this.checker.configure(checkedServers(config), config.global.spreadChecksPercent, known);
    this.lvs.configure(config);
  }

  private tellUnable({ backend, server }: CheckedServer, reason: string): void {
    if (this.loop.now < this.nextUnableEventMs) return;
    this.nextUnableEventMs = this.loop.now + UNABLE_EVENT_INTERVAL_MS;
    this.channel.send("event", {
      id: 0,
      wallMs: wallNow(),
      level: "error",
      source: "director",
      kind: "check.unable",
      object: `${backend}/${server}`,
      text: `this machine cannot run health checks: ${reason}; servers keep the state they had`,
      fields: { reason },
    });
  }
}
