/** What is wrong now, most urgent first: an address that nobody serves before a service, a service before a server. */
import { countServers } from "../lib/state-words.ts";
import type { Processes } from "../ipc/messages.ts";
import type {
  BackendStatus,
  FrontendStatus,
  LvsStatus,
  Problem,
  ProcessStatus,
  ServerStatus,
  VrrpStatus,
} from "./api.ts";

export interface ProblemInput {
  readonly processes: Processes | null;
  readonly frontends: readonly FrontendStatus[];
  readonly backends: readonly BackendStatus[];
  readonly vrrp: readonly VrrpStatus[];
  readonly lvs?: LvsStatus | null;
  readonly limits: { readonly connections: number; readonly maxconn: number };
}

/** A problem before it has a date: some facts carry their own, others date from when they were first seen. */
export interface FoundProblem {
  readonly object: string;
  readonly text: string;
  readonly sinceWallMs: number | null;
}

export function findProblems(input: ProblemInput): readonly FoundProblem[] {
  return [
    ...input.vrrp.flatMap(vrrpProblems),
    ...(input.processes?.processes ?? []).flatMap(processProblems),
    ...input.backends.flatMap(backendProblems),
    ...lvsProblems(input.lvs ?? null),
    ...input.frontends.flatMap((frontend) => listenerProblems(frontend, input.processes)),
    ...configProblems(input.processes),
    ...limitProblems(input),
    ...input.backends.flatMap(serverProblems),
  ];
}

/** When each problem without a date of its own was first seen; kept between two snapshots. */
export type FirstSeen = ReadonlyMap<string, number>;

/** Dates the problems. Answers what to pass the next time; a problem that went away and comes back is a new one. */
export function dateProblems(
  found: readonly FoundProblem[],
  seen: FirstSeen,
  wallMs: number,
): { readonly problems: readonly Problem[]; readonly seen: FirstSeen } {
  const next = new Map<string, number>();
  const problems = found.map(({ object, text, sinceWallMs }): Problem => {
    if (sinceWallMs !== null) return { object, text, sinceWallMs };
    const key = `${object} ${text}`;
    const firstWallMs = seen.get(key) ?? wallMs;
    next.set(key, firstWallMs);
    return { object, text, sinceWallMs: firstWallMs };
  });
  return { problems, seen: next };
}

function vrrpProblems(instance: VrrpStatus): readonly FoundProblem[] {
  const rivals = (instance.rivals ?? []).map((rival) => ({
    object: instance.instance,
    text: `vrrp ${instance.instance}: split brain, ${rival} acts as master too`,
    sinceWallMs: null,
  }));
  const refused = (instance.refused ?? []).map((text) => ({
    object: instance.instance,
    text: `vrrp ${instance.instance}: ${text}`,
    sinceWallMs: null,
  }));
  const paths = (instance.paths ?? [])
    .filter(({ state }) => state !== "up")
    .map((path) => ({
      object: instance.instance,
      text: `vrrp ${instance.instance}: ${path.path === "main" ? "main" : "second"} path ${path.interface} is ${path.state}`,
      sinceWallMs: null,
    }));
  // What keeps the main path down is the fault itself.
  if (instance.state !== "fault") return [...rivals, ...refused, ...paths];
  const text = `vrrp ${instance.instance} is in FAULT${instance.why === "" ? "" : `: ${instance.why}`}`;
  return [{ object: instance.instance, text, sinceWallMs: instance.sinceWallMs }];
}

function processProblems(process: ProcessStatus): readonly FoundProblem[] {
  if (process.state !== "restarting" && process.state !== "stopped") return [];
  const verb = process.state === "restarting" ? "is restarting" : "has stopped";
  const count = process.restarts > 0 ? `, restart ${process.restarts}` : "";
  return [{ object: process.name, text: `process ${process.name} ${verb}${count}`, sinceWallMs: process.sinceWallMs }];
}

function backendProblems(backend: BackendStatus): readonly FoundProblem[] {
  if (countServers(backend.servers).active > 0) return [];
  if (backend.servers.length === 0) {
    return [{ object: backend.name, text: `backend ${backend.name} has no servers`, sinceWallMs: null }];
  }
  const text = `backend ${backend.name} has no server that takes traffic (${backend.servers.length} configured)`;
  // It went down with the last of its servers.
  return [{ object: backend.name, text, sinceWallMs: latest(backend.servers) }];
}

function latest(servers: readonly ServerStatus[]): number {
  return servers.reduce((since, server) => Math.max(since, server.sinceWallMs), 0);
}

function listenerProblems(frontend: FrontendStatus, processes: Processes | null): readonly FoundProblem[] {
  const object = frontend.name;
  if (frontend.binds.length === 0) {
    return [{ object, text: `frontend ${object} has no listener`, sinceWallMs: null }];
  }
  const failed = (processes?.failedBinds ?? []).filter((bind) => frontend.binds.includes(bind.key));
  return failed.map(({ key, reason }) => {
    const text = `frontend ${object} does not listen on ${key}: ${reason}`;
    return { object, text, sinceWallMs: null };
  });
}

function configProblems(processes: Processes | null): readonly FoundProblem[] {
  if (processes === null || processes.config.lastReloadOk) return [];
  const text = `the last reload of ${processes.config.path} failed; generation ${processes.config.generation} goes on`;
  return [{ object: "config", text, sinceWallMs: null }];
}

function limitProblems(input: ProblemInput): readonly FoundProblem[] {
  const { connections, maxconn } = input.limits;
  const found: FoundProblem[] = [];
  if (connections >= maxconn) {
    const text = `the appliance is at its limit of ${maxconn} connections`;
    found.push({ object: "", text, sinceWallMs: null });
  }
  for (const frontend of input.frontends) {
    if (frontend.connections < frontend.maxconn) continue;
    const text = `frontend ${frontend.name} is at its limit of ${frontend.maxconn} connections`;
    found.push({ object: frontend.name, text, sinceWallMs: null });
  }
  return found;
}

/** A virtual server without its quorum comes before the real servers that are down. */
function lvsProblems(lvs: LvsStatus | null): readonly FoundProblem[] {
  if (lvs === null) return [];
  const { troubles, virtualServers } = lvs;
  const quorums = virtualServers.filter((virtual) => !virtual.hasQuorum);
  return [
    ...troubles.map((text) => ({ object: "lvs", text: `LVS: ${text}`, sinceWallMs: null })),
    ...quorums.map(({ name, weight, quorum, sorryServer, sinceWallMs }) => {
      const who = sorryServer === null ? "" : `; ${sorryServer} answers`;
      return {
        object: name,
        text: `virtual server ${name} has no quorum: weight ${weight} of ${quorum}${who}`,
        sinceWallMs,
      };
    }),
    ...virtualServers.flatMap(({ name, realServers }) =>
      realServers
        .filter((real) => real.health === "down")
        .map((real) => {
          const object = `${name}/${real.name}`;
          const words = real.checkInfo === "" ? "" : `: ${real.checkInfo}`;
          return { object, text: `real server ${object} is DOWN${words}`, sinceWallMs: real.sinceWallMs };
        }),
    ),
  ];
}

/** A server in maintenance is the operator's wish, not a problem. */
function serverProblems(backend: BackendStatus): readonly FoundProblem[] {
  return backend.servers
    .filter((server) => server.health === "down" && server.admin !== "maint")
    .map((server) => {
      const object = `${backend.name}/${server.name}`;
      const words = [server.checkStatus, server.checkInfo].filter((word) => word !== "").join(" ");
      // The last check of a server that comes back was good: said as such, not as what is wrong with it.
      const state = server.progress > 0 ? "is DOWN and coming back" : "is DOWN";
      return {
        object,
        text: `server ${object} ${state}${words === "" ? "" : `: ${words}`}`,
        sinceWallMs: server.sinceWallMs,
      };
    });
}
