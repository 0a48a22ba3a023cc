/**
 * The director's LVS half: checks of real servers, the mind that draws conclusions from them, the keeper of the
 * kernel's table, and what people and programs are told of it.
 */
import type { BallastEvent, VrrpStatus } from "../admin/api.ts";
import { type CheckedReal, type RealCheckResult, RealServerChecker } from "../checks/shell/real-server-checker.ts";
import type { Config, LvsCommandConfig, LvsConfig, VirtualServerConfig } from "../config/types.ts";
import type { MessagePayloads, ScriptResult } from "../ipc/messages.ts";
import type { Channel } from "../ipc/shell/channel.ts";
import { IPVS_FAMILY } from "../ipvs/constants.ts";
import { KernelTable } from "../ipvs/kernel-table.ts";
import { endpointText, serviceKey, type ServiceState } from "../ipvs/model.ts";
import { Keeper } from "../ipvs/shell/keeper.ts";
import { IPVS_MISSING, lacksIpvs } from "../ipvs/shell/open.ts";
import { expireQuiescentTemplates } from "../ipvs/shell/settings.ts";
import { destinationsOf, type Held, type LvsEvent, VirtualServers } from "../ipvs/virtual-servers.ts";
import { GenericSocket } from "../netlink/shell/generic-socket.ts";
import { wallNow } from "../sys/clock.ts";
import { SysError } from "../sys/errno.ts";
import type { Loop, LoopTimer } from "../sys/loop.ts";
import { ownershipPath, readOwnership, writeOwnership } from "./ipvs-file.ts";
import { ScriptDesk } from "./script-desk.ts";

/** Changes of one moment go to the kernel together: a thousand servers that fail at once are one look, not a thousand. */
const SETTLE_MS = 20;
/** What somebody changes by hand is put right after this time at the latest; drains are looked after as often. */
const LOOK_INTERVAL_MS = 2000;
/** The supervisor loads the module; it may take a moment, or come later by hand. */
const OPEN_RETRY_MS = 2000;
/** A shortage on this machine fails every check at once: it is told once a minute. */
const UNABLE_EVENT_INTERVAL_MS = 60_000;

export class LvsDirector {
  private readonly channel: Channel;
  private readonly loop: Loop;
  private readonly virtuals = new VirtualServers();
  private readonly checker: RealServerChecker;
  private readonly scripts: ScriptDesk;
  private config: Config | null = null;
  private keeper: Keeper | null = null;
  private vrrp: readonly VrrpStatus[] = [];
  private settling: LoopTimer | null = null;
  private looking: LoopTimer | null = null;
  private opening: LoopTimer | null = null;
  /** The first says nothing: the module may just be loading. */
  private openFailures = 0;
  /** The last troubles, told once until they change. */
  private told = "";
  private nextUnableEventMs = 0;

  constructor(channel: Channel, loop: Loop) {
    this.channel = channel;
    this.loop = loop;
    this.scripts = new ScriptDesk((script) => channel.send("run_script", script));
    this.checker = new RealServerChecker(loop, {
      random: Math.random,
      runScript: (script, timeoutMs, done) => this.scripts.run(script, timeoutMs, done),
      onResult: (result) => this.onResult(result),
      onUnable: (subject, reason) => this.tellUnable(subject, reason),
    });
  }

  /** A configuration begins to run; one without LVS leaves the kernel alone, once ours has drained. */
  configure(config: Config): void {
    const isFirst = this.config === null;
    const had = this.config?.lvs !== undefined;
    this.config = config;
    if (config.lvs === undefined && !had) return;
    if (this.keeper === null) this.open();
    const held = isFirst && this.keeper !== null ? this.heldBy(this.keeper) : (): null => null;
    this.tellEvents(this.virtuals.configure(this.lvs, held), "configured");
    this.checkWhatIsHere();
    this.expireTemplates();
    this.look();
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

  /** The kernel goes on balancing without us, unless the configuration says otherwise. */
  stop(): void {
    this.checker.stop();
    for (const timer of [this.settling, this.looking, this.opening]) timer?.cancel();
    const { lvs } = this;
    for (const virtual of lvs.virtualServers) if (virtual.omega) this.runDownHooks(virtual);
    if (lvs.onStop === "remove" && this.keeper !== null) {
      this.keeper.keep({ desired: [], settings: lvs, isMaster: null, drainTimeoutMs: 0 });
    }
    this.config = null;
  }

  private get lvs(): LvsConfig {
    return this.config?.lvs ?? NO_LVS;
  }

  /** Opens the kernel's table; tries again later and says once why it is not there. */
  private open(): void {
    const { config } = this;
    if (config === null) return;
    const path = ownershipPath(config.admin.socket);
    try {
      const table = new KernelTable(new GenericSocket(IPVS_FAMILY));
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

  /** How the kernel has the real servers of services that were ours before this process began. */
  private heldBy(
    keeper: Keeper,
  ): (virtual: VirtualServerConfig, real: VirtualServerConfig["realServers"][number]) => Held | null {
    const kernel = keeper.look();
    const services = new Map<string, ServiceState>();
    for (const state of kernel.ok ? kernel.value : []) services.set(serviceKey(state.id), state);
    return (virtual, real) => {
      let held: Held | null = null;
      for (const [id, destination] of destinationsOf(virtual, real)) {
        const state = services.get(serviceKey(id));
        if (state === undefined || !keeper.ownership.has(serviceKey(id))) continue;
        const found = state.destinations.find((each) => endpointText(each) === endpointText(destination));
        if (found !== undefined) return found.weight;
        held = "absent";
      }
      return held;
    };
  }

  /** Where clients are bound to servers, weight 0 must end that as well, or a drain would never end. */
  private expireTemplates(): void {
    if (this.keeper === null || !this.lvs.virtualServers.some((virtual) => virtual.persistence !== null)) return;
    const problem = expireQuiescentTemplates();
    if (problem !== null) this.event("warning", "lvs.table", "", problem);
  }

  /** With ha_suspend, servers are checked only where the virtual address is. */
  private checkWhatIsHere(): void {
    const checked = this.lvs.virtualServers.flatMap((virtual): readonly CheckedReal[] => {
      if (virtual.haSuspend && !this.isHere(virtual)) return [];
      return virtual.realServers.flatMap(({ name, check, weight }) =>
        check === null ? [] : [{ virtual: virtual.name, real: name, check, weight }],
      );
    });
    this.checker.configure(checked);
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
    this.tellEvents(this.virtuals.result({ virtual, real, up, weight }), info);
    this.settle();
  }

  private settle(): void {
    this.settling ??= this.loop.after(SETTLE_MS, () => {
      this.settling = null;
      this.look();
    });
  }

  private look(): void {
    this.looking?.cancel();
    this.looking = this.loop.after(LOOK_INTERVAL_MS, () => this.look());
    if (this.keeper === null) return;
    const { lvs } = this;
    const follows = lvs.sync?.follows ?? null;
    const instance = this.vrrp.find((status) => status.instance === follows);
    const report = this.keeper.keep({
      desired: this.virtuals.desired(),
      settings: lvs,
      isMaster: instance === undefined ? null : instance.state === "master",
      drainTimeoutMs: lvs.drainTimeoutMs,
    });
    const foreign = report.foreign.map((name) => `${name} was added by somebody else: it gets no new connections`);
    this.tellTroubles([...report.refusals, ...foreign]);
  }

  private tellTroubles(troubles: readonly string[]): void {
    const text = troubles.join("\n");
    if (text === this.told) return;
    this.told = text;
    for (const trouble of troubles) this.event("error", "lvs.table", "", trouble);
    if (troubles.length === 0) this.event("notice", "lvs.table", "", "the kernel's table is as it should be again");
  }

  private tellEvents(events: readonly LvsEvent[], info: string): void {
    for (const event of events) this.tellEvent(event, info);
  }

  private tellEvent(event: LvsEvent, info: string): void {
    const virtual = this.lvs.virtualServers.find(({ name }) => name === event.virtual);
    const notify = virtual?.notify ?? null;
    const to = event.up ? "up" : "down";
    const level = event.up ? "notice" : "warning";
    switch (event.kind) {
      case "real": {
        const object = `${event.virtual}/${event.real}`;
        this.event(level, "lvs.server", object, `${object} is ${to.toUpperCase()}: ${info}`, { to });
        this.runHook(event.up ? notify?.up : notify?.down, virtual);
        return;
      }
      case "quorum": {
        const words = event.up ? "has its quorum" : "has lost its quorum";
        const text = `${event.virtual} ${words}: weight ${event.weight} of ${virtual?.quorum ?? 0}`;
        this.event(level, "lvs.quorum", event.virtual, text, { to, weight: event.weight });
        this.runHook(event.up ? notify?.quorumUp : notify?.quorumDown, virtual);
      }
    }
  }

  private runDownHooks(virtual: VirtualServerConfig): void {
    const living = this.virtuals.status().filter((real) => real.virtual === virtual.name && real.alive);
    for (const _real of living) this.runHook(virtual.notify?.down, virtual);
    this.runHook(virtual.notify?.quorumDown, virtual);
  }

  private runHook(hook: LvsCommandConfig | null | undefined, virtual: VirtualServerConfig | undefined): void {
    if (hook === null || hook === undefined || virtual?.notify === undefined || virtual.notify === null) return;
    const { name } = virtual;
    this.scripts.run(hook, virtual.notify.timeoutMs, (code, reason) => {
      if (code !== 0) this.event("warning", "hook.fail", name, `hook ${hook.command[0]}: ${reason}`);
    });
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

const NO_LVS: LvsConfig = {
  virtualServers: [],
  sync: null,
  timeouts: { tcpSeconds: 0, tcpFinSeconds: 0, udpSeconds: 0 },
  onStop: "keep",
  drainTimeoutMs: 0,
};
