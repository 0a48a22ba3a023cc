/**
 * What the admin role knows: the running configuration, and the last word about each server, VRRP instance and
 * process. Everything comes from the supervisor; what a reload removed is forgotten with it.
 */
import type { ServerConfig } from "../config/types-proxy.ts";
import type { Config } from "../config/types.ts";
import type { Assignment, Processes, ServerState } from "../ipc/messages.ts";
import { assert } from "../lib/result.ts";
import { serverKey } from "../stats/registry.ts";
import type { BallastEvent, LvsStatus, VrrpStatus } from "./api.ts";
import { LogTargets } from "./log-targets.ts";
import type { FoundProblem } from "./problems.ts";

export class Appliance {
  config: Config;
  /** The files as written, secrets replaced; null when the supervisor did not send them. */
  configText: string | null;
  /** null until the supervisor has spoken: a moment after the start. */
  processes: Processes | null = null;
  /** The director's last word; null: it has not spoken. */
  lvs: LvsStatus | null = null;
  private servers: Map<string, ServerState>;
  private instances = new Map<string, VrrpStatus>();
  private generation: number;
  /** What workers said about certificates of the running configuration, each sentence once. */
  private readonly certificates = new Map<string, FoundProblem>();
  private readonly logTargets = new LogTargets();

  /** A configuration on trial, and what was heard about servers since it was made. */
  private next: { readonly assignment: Assignment; readonly newer: Map<string, ServerState> } | null = null;

  constructor(assignment: Assignment) {
    this.config = assignment.config;
    this.configText = assignment.configText ?? null;
    this.generation = assignment.generation;
    this.servers = serversOf(assignment);
  }

  prepare(assignment: Assignment): void {
    this.next = { assignment, newer: new Map() };
  }

  /** The assignment that counts from now on; null when this is not the generation that was prepared. */
  commit(generation: number): Assignment | null {
    const { next } = this;
    if (next === null || next.assignment.generation !== generation) return null;
    this.next = null;
    this.config = next.assignment.config;
    this.configText = next.assignment.configText ?? null;
    this.generation = generation;
    this.certificates.clear();
    this.servers = serversOf(next.assignment);
    for (const state of next.newer.values()) this.setServer(state);
    return next.assignment;
  }

  abort(): void {
    this.next = null;
  }

  setServer(state: ServerState): void {
    const key = serverKey(state.backend, state.server);
    this.next?.newer.set(key, state);
    // A verdict may cross a reload that removed its server.
    if (this.servers.has(key)) this.servers.set(key, state);
  }

  /** The report is whole: an instance that is missing from it is unknown (its role has just ended). */
  setVrrp(statuses: readonly VrrpStatus[]): void {
    this.instances = new Map(statuses.map((status) => [status.instance, status]));
  }

  /** Some events tell of a state that lasts. Older ones come again after a restart. */
  noteEvent(event: BallastEvent): void {
    this.logTargets.note(event);
    const { kind, object, text, wallMs, fields } = event;
    if (kind !== "proxy.certificate" || fields.generation !== this.generation) return;
    this.certificates.set(text, { object, text, sinceWallMs: wallMs });
  }

  /** What events told of and still holds. */
  toldProblems(): readonly FoundProblem[] {
    const exists = (process: string): boolean =>
      process === "supervisor" || this.processes?.processes.some(({ name }) => name === process) === true;
    return [...this.certificates.values(), ...this.logTargets.problems(exists)];
  }

  /** A server of the running configuration. */
  server(backend: string, server: string): ServerState {
    const state = this.servers.get(serverKey(backend, server));
    assert(state !== undefined, `admin: no state for ${serverKey(backend, server)}`);
    return state;
  }

  instance(name: string): VrrpStatus | undefined {
    return this.instances.get(name);
  }
}

/** Every configured server, those that the supervisor said nothing about included. */
function serversOf({ config, servers }: Assignment): Map<string, ServerState> {
  const given = new Map(servers.map((state) => [serverKey(state.backend, state.server), state]));
  const all = new Map<string, ServerState>();
  for (const backend of config.backends) {
    for (const server of backend.servers) {
      const key = serverKey(backend.name, server.name);
      all.set(key, given.get(key) ?? unknownState(backend.name, server));
    }
  }
  return all;
}

function unknownState(backend: string, server: ServerConfig): ServerState {
  return {
    backend,
    server: server.name,
    health: server.check === null ? "unchecked" : "up",
    admin: "ready",
    weight: server.weight,
    checkStatus: "INI",
    checkInfo: "",
    checkDurationMs: 0,
    progress: 0,
    sinceWallMs: 0,
  };
}
