/**
 * The director's LVS half: checks of real servers, the mind that draws conclusions from them, the keeper of the
 * kernel's table, and what people and programs are told of it.
 */
import type { BallastEvent, VrrpStatus } from "../admin/api.ts";
import { type CheckedReal, type RealCheckResult, RealServerChecker } from "../checks/shell/real-server-checker.ts";
import type { LvsConfig, VirtualServerConfig } from "../config/types-lvs.ts";
import type { Config } from "../config/types.ts";
import type { MessagePayloads, ScriptResult } from "../ipc/messages.ts";
import type { Channel } from "../ipc/shell/channel.ts";
import { IPVS_FAMILY } from "../ipvs/constants.ts";
import { KernelTable, type KeptTable } from "../ipvs/kernel-table.ts";
import { heldBy } from "../ipvs/held.ts";
import { lastDrainMs } from "../ipvs/leaving.ts";
import { Keeper, type KeeperReport, type KeeperTarget } from "../ipvs/shell/keeper.ts";
import { IPVS_MISSING, lacksIpvs } from "../ipvs/shell/open.ts";
import { expireQuiescentTemplates } from "../ipvs/shell/settings.ts";
import { type LvsEvent, VirtualServers } from "../ipvs/virtual-servers.ts";
import { unreachable } from "../lib/result.ts";
import { formatDurationMs } from "../lib/units.ts";
import { GenericSocket } from "../netlink/shell/generic-socket.ts";
import { wallNow } from "../sys/clock.ts";
import { SysError } from "../sys/errno.ts";
import type { Loop, LoopTimer } from "../sys/loop.ts";
import { ownershipPath, readOwnership, writeOwnership } from "./ipvs-file.ts";
import { type LvsHook, LvsHooks } from "./lvs-hooks.ts";
import { LvsView } from "./lvs-view.ts";
import { ScriptDesk } from "./script-desk.ts";

/** Changes of one moment go to the kernel together: a thousand servers that fail at once are one look, not a thousand. */
const SETTLE_MS = 20;
/** What somebody changes by hand is put right after this time at the latest; drains are looked after as often. */
const LOOK_INTERVAL_MS = 2000;
/** The supervisor loads the module; it may take a moment, or come later by hand. */
const OPEN_RETRY_MS = 2000;
/** A shortage on this machine fails every check at once: it is told once a minute. */
const UNABLE_EVENT_INTERVAL_MS = 60_000;

/** The kernel as the director needs it. */
export interface LvsKernel {
  /** Throws a SysError where there is no IPVS, or no right to it. */
  open(): KeptTable;
  /** Null, or why persistence would outlive a drain. */
  expireTemplates(): string | null;
}

const realKernel: LvsKernel = {
  open: () => new KernelTable(new GenericSocket(IPVS_FAMILY)),
  expireTemplates: () => expireQuiescentTemplates(),
};

export class LvsDirector {
  private readonly channel: Channel;
  private readonly loop: Loop;
  private readonly virtuals = new VirtualServers();
  private readonly checker: RealServerChecker;
  private readonly scripts: ScriptDesk;
  private readonly hooks: LvsHooks;
  private readonly view: LvsView;
  private readonly kernel: LvsKernel;
  private config: Config | null = null;
  private keeper: Keeper | null = null;
  private vrrp: readonly VrrpStatus[] = [];
  private settling: LoopTimer | null = null;
  private looking: LoopTimer | null = null;
  private opening: LoopTimer | null = null;
  /** The first says nothing: the module may just be loading. */
  private openFailures = 0;
  /** Told once until they change. */
  private troubles: readonly string[] = [];
  /** Of the last configuration that had any virtual servers. */
  private drainTimeoutMs = 0;
  /** Real servers that are leaving and still have connections. */
  private draining = 0;
  private ending: LoopTimer | null = null;
  private hasEnded = false;
  /** The table has had its last change. */
  private isOver = false;
  private onDrained: (() => void) | null = null;
  private nextUnableEventMs = 0;

  constructor(channel: Channel, loop: Loop, kernel: LvsKernel = realKernel) {
    this.channel = channel;
    this.loop = loop;
    this.kernel = kernel;
    this.view = new LvsView((status) => channel.send("lvs_status", status));
    this.scripts = new ScriptDesk((script) => channel.send("run_script", script));
    this.hooks = new LvsHooks({ desk: this.scripts, onFail: (hook, reason) => this.hookFailed(hook, reason) });
    this.checker = new RealServerChecker(loop, {
      random: Math.random,
      runScript: (script, timeoutMs, done) => this.scripts.run(script, timeoutMs, done),
      onResult: (result) => this.onResult(result),
      onUnable: (subject, reason) => this.tellUnable(subject, reason),
    });
  }

  /** A configuration begins to run; one without LVS leaves the kernel alone, once ours has drained. */
  configure(config: Config): void {
    const before = this.config;
    this.config = config;
    if (before?.lvs !== undefined) this.drainTimeoutMs = before.lvs.drainTimeoutMs;
    if (config.lvs === undefined && before?.lvs === undefined) return;
    if (this.keeper === null) this.open();
    const held = before === null && this.keeper !== null ? heldIn(this.keeper) : (): null => null;
    this.tellEvents(this.virtuals.configure(this.lvs, held), "configured");
    this.view.forgetAllBut(objectsOf(this.lvs));
    this.checkWhatIsHere();
    this.expireTemplates();
    this.look();
    const limitMs = before === null ? null : lastDrainMs(before, config);
    if (limitMs === null || this.draining === 0) return;
    const limit = formatDurationMs(limitMs);
    const text = `no virtual server is left: connections to ${this.draining} real servers have ${limit} to end`;
    this.event("notice", "lvs.drain", "", text, { servers: this.draining });
  }

  setVrrp(statuses: readonly VrrpStatus[]): void {
    const before = this.mastership();
    this.vrrp = statuses;
    if (this.config?.lvs === undefined || JSON.stringify(before) === JSON.stringify(this.mastership())) return;
    this.checkWhatIsHere();
    this.settle();
  }

  order({ virtual, real, state }: MessagePayloads["lvs_order"]): void {
    if (this.virtuals.drain(virtual, real, state === "drain")) this.settle();
  }

  scriptResult(result: ScriptResult): void {
    this.scripts.result(result);
  }

  /**
   * The role ends; `done` is called when nothing is left to do, within the time.
   *
   *   another director follows     the table stays as it is
   *   no virtual server is left    what still has connections drains
   *   the appliance stops          omega runs its commands; on_stop says what becomes of the table
   */
  stop({ mode, withinMs, replaced }: MessagePayloads["stop"], done: () => void): void {
    const { config } = this;
    // Ordered twice, to drain and then at once: the end comes once.
    const end = (): void => {
      if (this.hasEnded) return;
      this.hasEnded = true;
      this.close();
      done();
    };
    if (config?.lvs !== undefined && replaced === true) return end();
    if (config?.lvs === undefined) {
      if (this.draining === 0 || mode === "now") return end();
      this.onDrained = end;
      this.ending = this.loop.after(withinMs, () => {
        this.keep({ desired: [], drainTimeoutMs: 0, endsDrains: true });
        end();
      });
      return;
    }
    this.checker.stop();
    this.isOver = true;
    for (const timer of [this.settling, this.looking, this.opening]) timer?.cancel();
    if (config.lvs.onStop === "remove") this.keep({ desired: [], drainTimeoutMs: 0, endsDrains: true });
    if (mode === "now") return end();
    for (const virtual of config.lvs.virtualServers) if (virtual.omega) this.runDownHooks(virtual);
    this.ending = this.loop.after(withinMs, end);
    this.hooks.whenIdle(end);
  }

  private close(): void {
    this.checker.stop();
    for (const timer of [this.settling, this.looking, this.opening, this.ending]) timer?.cancel();
    this.onDrained = null;
    this.keeper = null;
    this.config = null;
  }

  private get lvs(): LvsConfig {
    return this.config?.lvs ?? { ...NO_LVS, drainTimeoutMs: this.drainTimeoutMs };
  }

  /** Opens the kernel's table; tries again later and says once why it is not there. */
  private open(): void {
    const { config } = this;
    if (config === null) return;
    const path = ownershipPath(config.admin.socket);
    try {
      const table = this.kernel.open();
      const { owned, problem } = readOwnership(path);
      if (problem !== null) this.event("warning", "lvs.table", "", problem);
      this.keeper = new Keeper(table, owned, (now) => {
        const trouble = writeOwnership(path, now);
        if (trouble !== null) this.event("warning", "lvs.table", "", trouble);
      });
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      const text = lacksIpvs(error) ? `${IPVS_MISSING.text}; ${IPVS_MISSING.help}` : error.message;
      if (this.openFailures++ > 0) this.tellTroubles([text]);
      this.opening = this.loop.after(OPEN_RETRY_MS, () => {
        this.open();
        if (this.keeper === null) return;
        this.expireTemplates();
        this.look();
      });
    }
  }

  /** Where clients are bound to servers, weight 0 must end that as well, or a drain would never end. */
  private expireTemplates(): void {
    if (this.keeper === null || !this.lvs.virtualServers.some((virtual) => virtual.persistence !== null)) return;
    const problem = this.kernel.expireTemplates();
    if (problem !== null) this.event("warning", "lvs.table", "", problem);
  }

  /** With ha_suspend, servers are checked only where the virtual address is. */
  private checkWhatIsHere(): void {
    const checked = this.lvs.virtualServers.flatMap((virtual): readonly CheckedReal[] => {
      if (this.isSuspended(virtual)) return [];
      return virtual.realServers.flatMap(({ name, check, weight }) =>
        check === null ? [] : [{ virtual: virtual.name, real: name, check, weight }],
      );
    });
    this.checker.configure(checked);
  }

  private isSuspended(virtual: VirtualServerConfig): boolean {
    return virtual.haSuspend && !this.isHere(virtual);
  }

  /** True as well while nobody knows of any instance that has the address. */
  private isHere(virtual: VirtualServerConfig): boolean {
    const addresses = virtual.services.flatMap((service) => (service.kind === "address" ? [service.address] : []));
    const holders = this.vrrp.filter((instance) =>
      instance.addresses.some((address) => addresses.includes(address.split("/", 1)[0] ?? "")),
    );
    return holders.length === 0 || holders.some((instance) => instance.state === "master");
  }

  /** What of the VRRP status matters here. */
  private mastership(): readonly (readonly [string, boolean])[] {
    return this.vrrp.map((instance) => [instance.instance, instance.state === "master"] as const);
  }

  private onResult({ virtual, real, up, weight, info }: RealCheckResult): void {
    this.view.checked(`${virtual}/${real}`, info);
    this.tellEvents(this.virtuals.result({ virtual, real, up, weight }), info);
    this.settle();
  }

  private settle(): void {
    if (this.isOver) return;
    this.settling ??= this.loop.after(SETTLE_MS, () => {
      this.settling = null;
      this.look();
    });
  }

  private look(): void {
    this.looking?.cancel();
    this.looking = this.loop.after(LOOK_INTERVAL_MS, () => this.look());
    const report = this.keep({ desired: this.virtuals.desired(), drainTimeoutMs: this.lvs.drainTimeoutMs });
    if (report !== null) {
      this.draining = report.draining;
      const foreign = report.foreign.map((name) => `${name} was added by somebody else: it gets no new connections`);
      this.tellTroubles([...report.refusals, ...foreign]);
    }
    this.tellStatus(report?.found ?? null);
    if (this.draining === 0) this.onDrained?.();
  }

  private keep(target: Omit<KeeperTarget, "settings" | "isMaster">): KeeperReport | null {
    const { lvs } = this;
    const instance = this.vrrp.find((status) => status.instance === (lvs.sync?.follows ?? null));
    const isMaster = instance === undefined ? null : instance.state === "master";
    return this.keeper?.keep({ ...target, settings: lvs, isMaster }) ?? null;
  }

  private tellStatus(table: KeeperReport["found"]): void {
    this.view.tell({
      lvs: this.lvs,
      reals: this.virtuals.status(),
      quorums: this.virtuals.quorums(),
      table,
      troubles: this.troubles,
      isSuspended: (virtual) => this.isSuspended(virtual),
    });
  }

  private tellTroubles(troubles: readonly string[]): void {
    if (troubles.join("\n") === this.troubles.join("\n")) return;
    this.troubles = troubles;
    for (const trouble of troubles) this.event("error", "lvs.table", "", trouble);
    if (troubles.length === 0) this.event("notice", "lvs.table", "", "the kernel's table is as it should be again");
  }

  private tellEvents(events: readonly LvsEvent[], info: string): void {
    for (const event of events) this.tellEvent(event, info);
  }

  private tellEvent(event: LvsEvent, info: string): void {
    const virtual = this.lvs.virtualServers.find(({ name }) => name === event.virtual);
    const to = event.up ? "up" : "down";
    const level = event.up ? "notice" : "warning";
    switch (event.kind) {
      case "real": {
        const object = `${event.virtual}/${event.real}`;
        this.view.changed(object);
        this.event(level, "lvs.server", object, `${object} is ${to.toUpperCase()}: ${info}`, { to });
        if (virtual !== undefined) this.hooks.tell(virtual, to, event.real);
        return;
      }
      case "quorum": {
        const words = event.up ? "has its quorum" : "has lost its quorum";
        const text = `${event.virtual} ${words}: weight ${event.weight} of ${virtual?.quorum ?? 0}`;
        this.view.changed(event.virtual);
        this.event(level, "lvs.quorum", event.virtual, text, { to, weight: event.weight });
        if (virtual !== undefined) this.hooks.tell(virtual, to, null);
        return;
      }
      default:
        unreachable(event);
    }
  }

  /** omega: what lives and what has its quorum goes down with us. */
  private runDownHooks(virtual: VirtualServerConfig): void {
    const living = this.virtuals.status().filter((real) => real.virtual === virtual.name && real.alive);
    for (const { real } of living) this.hooks.tell(virtual, "down", real);
    const quorum = this.virtuals.quorums().find((status) => status.virtual === virtual.name);
    if (quorum?.hasQuorum === true) this.hooks.tell(virtual, "down", null);
  }

  private hookFailed({ virtual, hook }: LvsHook, reason: string): void {
    this.event("warning", "hook.fail", virtual, `hook ${hook.command[0]}: ${reason}`);
  }

  private tellUnable({ virtual, real }: CheckedReal, reason: string): void {
    if (this.loop.now < this.nextUnableEventMs) return;
    this.nextUnableEventMs = this.loop.now + UNABLE_EVENT_INTERVAL_MS;
    const text = `this machine cannot run checks: ${reason}; real servers keep the state they had`;
    this.event("error", "check.unable", `${virtual}/${real}`, text);
  }

  private event(
    level: BallastEvent["level"],
    kind: string,
    object: string,
    text: string,
    fields: BallastEvent["fields"] = {},
  ): void {
    this.channel.send("event", { id: 0, wallMs: wallNow(), level, source: "director", kind, object, text, fields });
  }
}

/** What was ours before this process began. */
function heldIn(keeper: Keeper): ReturnType<typeof heldBy> {
  const kernel = keeper.look();
  return heldBy(kernel.ok ? kernel.value : [], keeper.ownership);
}

/** `VIRTUAL` and `VIRTUAL/REAL`. */
function objectsOf({ virtualServers }: LvsConfig): ReadonlySet<string> {
  return new Set(
    virtualServers.flatMap(({ name, realServers }) => [name, ...realServers.map((real) => `${name}/${real.name}`)]),
  );
}

const NO_LVS: LvsConfig = {
  virtualServers: [],
  sync: null,
  timeouts: { tcpSeconds: 0, tcpFinSeconds: 0, udpSeconds: 0 },
  onStop: "keep",
  drainTimeoutMs: 0,
};
