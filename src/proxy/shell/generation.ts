/** Builds what the data plane walks from an assignment: frontends, backends, endpoints that survive reloads. */
import type { BackendConfig, Mode, ServerConfig, SocketAddress } from "../../config/types-proxy.ts";
import type { Config } from "../../config/types.ts";
import { asciiBytes } from "../../http/ascii.ts";
import type { Assignment, ServerState } from "../../ipc/messages.ts";
import { COUNTER_MAX, objectKey, type ObjectKind, SHARED_WORDS, sharedWords } from "../../stats/layout.ts";
import { encodeTarget } from "../../sys/socket.ts";
import { createBalancer } from "../balance.ts";
import type { FetchEnvironment } from "../fetches.ts";
import { compileRules } from "../rules.ts";
import { ServerTable } from "../server-table.ts";
import { type BackendRuntime, type Endpoint, type FrontendRuntime, type Generation, IDLE_MAX } from "./runtime.ts";

/** Fails with a message for the operator when an object has no place in the counters or a rule cannot be compiled. */
export function buildGeneration(assignment: Assignment, endpoints: Map<string, Endpoint>): Generation {
  const { config } = assignment;
  const place = (kind: ObjectKind, name: string): number => {
    const index = assignment.objects[objectKey(kind, name)];
    if (index === undefined) throw new Error(`${kind} ${name}: has no index in shared memory`);
    return index;
  };
  const generation: Generation & {
    frontends: FrontendRuntime[];
    backends: BackendRuntime[];
    endpoints: Endpoint[];
  } = { id: assignment.generation, frontends: [], backends: [], endpoints: [], sessions: 0, retired: false };

  for (const backend of config.backends) {
    const runtime = buildBackend(backend, generation, endpoints, place, fetchEnvironment(config, backend.mode));
    generation.backends.push(runtime);
    generation.endpoints.push(...runtime.endpoints);
  }
  for (const state of assignment.servers) applyServerState(generation, state);
  for (const frontend of config.frontends) {
    generation.frontends.push({
      name: frontend.name,
      nameBytes: asciiBytes(frontend.name),
      config: frontend,
      isHttp: frontend.mode === "http",
      defaultBackend: generation.backends.find(({ name }) => name === frontend.defaultBackend) ?? null,
      rules: frontend.rules.length > 0 ? compileRules(frontend.rules, fetchEnvironment(config, frontend.mode)) : null,
      counters: place("frontend", frontend.name) * COUNTER_MAX,
      connectionsWord: place("frontend", frontend.name) * SHARED_WORDS + sharedWords.served,
      generation,
      closes: frontend.options.httpClose,
      idleMs: frontend.timeouts.httpKeepAliveMs,
    });
  }
  return generation;
}

function fetchEnvironment(config: Config, mode: Mode): FetchEnvironment {
  return {
    mode,
    backendIndex: (name: string): number => config.backends.findIndex((backend) => backend.name === name),
  };
}

function buildBackend(
  config: BackendConfig,
  generation: Generation,
  endpoints: Map<string, Endpoint>,
  place: (kind: ObjectKind, name: string) => number,
  environment: FetchEnvironment,
): BackendRuntime {
  const table = new ServerTable(config.servers.length);
  config.servers.forEach((server, i) => {
    table.backup[i] = server.backup ? 1 : 0;
    table.set(i, server.weight, true);
  });
  return {
    name: config.name,
    nameBytes: asciiBytes(config.name),
    config,
    endpoints: config.servers.map((server) =>
      endpointOf(config.name, server, place("server", `${config.name}/${server.name}`), endpoints),
    ),
    table,
    balancer: createBalancer(config.balance, table),
    rules: config.rules.length > 0 ? compileRules(config.rules, environment) : null,
    counters: place("backend", config.name) * COUNTER_MAX,
    hasLimits: config.servers.some((server) => server.maxconn !== null),
    isSource: config.balance === "source",
    isLeastConn: config.balance === "leastconn",
    generation,
    queueHead: -1,
    queueTail: -1,
    queueLength: 0,
    queued: new Int32Array(1 + config.servers.length),
    dequeued: new Int32Array(1 + config.servers.length),
    elsewhereAt: Number.NEGATIVE_INFINITY,
  };
}

export function addressText(address: SocketAddress): string {
  if (address.kind === "unix") return `unix:${address.path}`;
  return address.family === 6 ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/** The endpoint that an earlier generation already has, with the new settings, or a new one. */
function endpointOf(backend: string, server: ServerConfig, index: number, endpoints: Map<string, Endpoint>): Endpoint {
  const key = `${backend}/${server.name}@${addressText(server.address)}`;
  const counters = index * COUNTER_MAX;
  const known = endpoints.get(key);
  if (known !== undefined && known.counters === counters && known.config.maxconn === server.maxconn) return known;
  const target = known ?? encodedTarget(server.address);
  return {
    key,
    config: server,
    nameBytes: asciiBytes(server.name),
    address: target.address,
    addressLength: target.addressLength,
    family: target.family,
    counters,
    servedWord: index * SHARED_WORDS + sharedWords.served,
    idle: new Int32Array(IDLE_MAX),
    idleCount: 0,
    users: 0,
  };
}

function encodedTarget(address: SocketAddress): Pick<Endpoint, "address" | "addressLength" | "family"> {
  const target = encodeTarget(address);
  return { address: target.address, addressLength: target.length, family: target.family };
}

/** A verdict or an operator's order about a server. Unknown names belong to another generation. */
export function applyServerState(generation: Generation, state: ServerState): void {
  const backend = generation.backends.find(({ name }) => name === state.backend);
  const index = backend?.config.servers.findIndex(({ name }) => name === state.server) ?? -1;
  if (backend === undefined || index < 0) return;
  backend.table.set(index, state.weight, state.health !== "down" && state.admin === "ready");
}
