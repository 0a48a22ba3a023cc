/** A small appliance as the admin socket shows it: three frontends, three backends, three VRRP instances, one problem. */
import type {
  BackendStatus,
  BallastEvent,
  FrontendStatus,
  ServerStatus,
  Snapshot,
  VrrpStatus,
} from "../../src/admin/api.ts";

/** 2026-11-20 21:34:58 UTC. */
export const FAKE_NOW_MS = 1_795_210_498_000;
const FAKE_START_MS = FAKE_NOW_MS - (12 * 86_400 + 4 * 3600 + 11 * 60) * 1000;

/** Requests a second of each busy server while the fake's clock runs. */
export const FAKE_RATE = { app1: 4_011, app2: 3_929 } as const;

export function fakeSnapshot(): Snapshot {
  return {
    api: 1,
    version: "0.1.0",
    node: "lb1",
    wallMs: FAKE_NOW_MS,
    startedWallMs: FAKE_START_MS,
    config: {
      path: "/etc/ballast/ballast.toml",
      generation: 3,
      hash: "3f9a1cd",
      loadedWallMs: FAKE_NOW_MS - 33 * 60_000,
      lastReloadOk: true,
    },
    limits: { connections: 1_214, maxconn: 20_000 },
    processes: [
      { name: "supervisor", pid: 101, state: "running", restarts: 0, sinceWallMs: FAKE_START_MS },
      { name: "worker/0", pid: 102, state: "running", restarts: 0, sinceWallMs: FAKE_START_MS },
      { name: "worker/1", pid: 103, state: "running", restarts: 0, sinceWallMs: FAKE_START_MS },
      { name: "vrrp", pid: 104, state: "running", restarts: 0, sinceWallMs: FAKE_START_MS },
      { name: "director", pid: 105, state: "running", restarts: 0, sinceWallMs: FAKE_START_MS },
      { name: "admin", pid: 106, state: "running", restarts: 1, sinceWallMs: FAKE_NOW_MS - 3_600_000 },
    ],
    frontends: [
      frontend("web", "http", ["192.0.2.10:443"], "app", 1_102),
      frontend("web80", "http", ["192.0.2.10:80"], null, 98),
      frontend("pg", "tcp", ["192.0.2.10:5432"], "pg", 14),
    ],
    backends: [
      backend("app", "http", "leastconn", [
        server("app1", "10.0.0.11:8080", { sessions: 561, checkDurationMs: 3 }),
        server("app2", "10.0.0.12:8080", { sessions: 541, checkDurationMs: 4 }),
        server("app3", "10.0.0.13:8080", {
          health: "down",
          checkStatus: "L7STS",
          checkInfo: "HTTP 503",
          checkDurationMs: 2,
          sinceWallMs: FAKE_NOW_MS - 12_000,
        }),
      ]),
      backend("pg", "tcp", "roundrobin", [
        server("pg1", "10.0.0.31:5432", { check: "tcp every 3s", checkStatus: "L4OK", checkInfo: "", sessions: 14 }),
        server("pg2", "10.0.0.32:5432", { check: "tcp every 3s", checkStatus: "L4OK", checkInfo: "", backup: true }),
      ]),
      backend("static", "http", "roundrobin", [
        server("s1", "10.0.0.41:80", { check: null, health: "unchecked", checkStatus: "", checkInfo: "" }),
        server("s2", "10.0.0.42:80", { weight: 50 }),
        server("s3", "10.0.0.43:80", { admin: "drain", sessions: 7 }),
        server("s4", "10.0.0.44:80", { admin: "maint" }),
      ]),
    ],
    vrrp: [
      vrrp("main", 51, "master", ["192.0.2.10/24"]),
      vrrp("dns", 52, "master", ["192.0.2.20/32"]),
      vrrp("db", 53, "backup", ["192.0.2.30/24"]),
    ],
    problems: [
      {
        object: "app/app3",
        text: "backend app / app3 DOWN  L7STS HTTP 503 on GET /healthz",
        sinceWallMs: FAKE_NOW_MS - 12_000,
      },
    ],
    mayWrite: true,
    user: "alice",
  };
}

export function fakeEvents(): readonly BallastEvent[] {
  return [
    event(
      1,
      -6_451_000,
      "notice",
      "vrrp",
      "vrrp.state",
      "main",
      "main BACKUP → MASTER: priority 150 against 100 of 10.0.0.3",
      {
        from: "backup",
        to: "master",
      },
    ),
    event(
      2,
      -1_968_000,
      "info",
      "supervisor",
      "config.reload",
      "",
      "configuration 3f9a1cd loaded by alice: 1 server added (app/app3)",
    ),
    event(
      3,
      -12_000,
      "error",
      "director",
      "server.state",
      "app/app3",
      "app/app3 UP → DOWN: L7STS HTTP 503, 3 of 3 checks failed",
      {
        from: "up",
        to: "down",
      },
    ),
  ];
}

export function event(
  id: number,
  agoMs: number,
  level: BallastEvent["level"],
  source: string,
  kind: string,
  object: string,
  text: string,
  fields: BallastEvent["fields"] = {},
): BallastEvent {
  return { id, wallMs: FAKE_NOW_MS + agoMs, level, source, kind, object, text, fields };
}

const NO_LATENCY = Array.from({ length: 12 }, () => 0);

/** Counts under 1 2 5 10 20 50 100 200 500 1000 5000 ms and +Inf: p50 near 8 ms, p99 near 44 ms. */
export function fakeLatency(requests: number): number[] {
  return [0.02, 0.08, 0.3, 0.6, 0.85, 0.992, 0.997, 0.999, 1, 1, 1, 1].map((share) => Math.round(share * requests));
}

function frontend(
  name: string,
  mode: "tcp" | "http",
  binds: readonly string[],
  defaultBackend: string | null,
  connections: number,
): FrontendStatus {
  return {
    name,
    mode,
    binds,
    defaultBackend,
    connections,
    connectionsTotal: connections * 100,
    maxconn: 10_000,
    requestsTotal: mode === "http" ? connections * 5_000 : 0,
    receivedBytes: connections * 1_000_000,
    sentBytes: connections * 9_000_000,
    deniedRequests: 2,
    badRequests: 5,
    responses: mode === "http" ? [0, connections * 4_990, 4, connections * 6, 31] : [0, 0, 0, 0, 0],
    latency: mode === "http" ? fakeLatency(connections * 5_000) : NO_LATENCY,
  };
}

function backend(name: string, mode: "tcp" | "http", balance: string, servers: readonly ServerStatus[]): BackendStatus {
  const sum = (pick: (server: ServerStatus) => number): number =>
    servers.reduce((total, each) => total + pick(each), 0);
  return {
    name,
    mode,
    balance,
    sessions: sum((each) => each.sessions),
    sessionsTotal: sum((each) => each.sessionsTotal),
    queue: 0,
    receivedBytes: sum((each) => each.receivedBytes),
    sentBytes: sum((each) => each.sentBytes),
    retries: 3,
    redispatches: 1,
    connectErrors: 0,
    responseErrors: 2,
    responses: [0, sum((each) => each.responses[1]), 0, 0, 31],
    latency: mode === "http" ? fakeLatency(sum((each) => each.sessionsTotal)) : NO_LATENCY,
    servers,
  };
}

function server(name: string, address: string, given: Partial<ServerStatus>): ServerStatus {
  const sessions = given.sessions ?? 0;
  return {
    name,
    address,
    backup: false,
    weight: 100,
    health: "up",
    admin: "ready",
    check: "GET /healthz every 2s",
    checkStatus: "L7OK",
    checkInfo: "HTTP 200",
    checkDurationMs: 1,
    progress: 0,
    sinceWallMs: FAKE_START_MS,
    sessions,
    sessionsTotal: sessions * 1_000,
    queue: 0,
    maxconn: null,
    receivedBytes: sessions * 1_000_000,
    sentBytes: sessions * 9_000_000,
    connectErrors: 0,
    responseErrors: 0,
    retries: 0,
    redispatches: 0,
    responses: [0, sessions * 1_000, 0, 0, 0],
    latency: fakeLatency(sessions * 1_000),
    idleConnections: 12,
    ...given,
  };
}

function vrrp(
  instance: string,
  virtualRouterId: number,
  state: VrrpStatus["state"],
  addresses: readonly string[],
): VrrpStatus {
  const master = state === "master";
  return {
    instance,
    interface: "eth0",
    virtualRouterId,
    version: 3,
    state,
    priority: master ? 150 : 100,
    basePriority: master ? 150 : 100,
    advertIntervalMs: 1_000,
    addresses,
    masterAddress: master ? null : "10.0.0.3",
    masterPriority: master ? null : 150,
    lastAdvertWallMs: master ? null : FAKE_NOW_MS - 700,
    sinceWallMs: FAKE_NOW_MS - 6_451_000,
    transitions: 2,
    advertsSent: master ? 1_052_190 : 0,
    advertsReceived: master ? 118 : 6_450,
    priorityZeroSent: 0,
    priorityZeroReceived: master ? 1 : 0,
    garpSent: master ? 15 : 0,
    errors: {},
    tracks: [
      { name: "interface eth0", ok: true, weight: 0 },
      { name: "proxy", ok: true, weight: -60 },
    ],
    why: master ? "priority 150 against 100 of 10.0.0.3" : "priority 100 against 150 of 10.0.0.3",
  };
}
