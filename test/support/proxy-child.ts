/**
 * A data plane in a process of its own, driven by the test over standard input, one JSON line an order.
 * argv: path of a JSON file with `ProxyStart`. Prints one JSON line per event.
 */
import { openSync, readFileSync, readSync, rmSync } from "node:fs";
import type { Assignment, ServerState, TlsMaterial } from "../../src/ipc/messages.ts";
import type { BindConfig } from "../../src/config/types-proxy.ts";
import type { Config } from "../../src/config/types.ts";
import { ProxyEngine } from "../../src/proxy/shell/engine.ts";
import { openCounters } from "../../src/stats/shell/counters.ts";
import { objectKey } from "../../src/stats/layout.ts";
import { Loop } from "../../src/sys/loop.ts";
import { localAddress, openListener } from "../../src/sys/socket.ts";
import { raiseDescriptorLimit } from "../../src/sys/process.ts";
import { libc } from "../../src/sys/libc.ts";

export interface ProxyStart {
  readonly config: Config;
  readonly tls: Readonly<Record<string, readonly TlsMaterial[]>>;
  readonly logSessions: boolean;
  readonly blocksMax?: number;
}

export type ProxyOrder =
  | { readonly order: "reload"; readonly config: Config }
  | { readonly order: "server"; readonly state: ServerState }
  | { readonly order: "drain"; readonly withinMs: number }
  | { readonly order: "status" };

const start = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8")) as ProxyStart;
const say = (event: object): void => void process.stdout.write(`${JSON.stringify(event)}\n`);

const loop = new Loop();
const countersPath = `/dev/shm/ballast-test-${process.pid}`;
const counters = openCounters(countersPath, true);
rmSync(countersPath, { force: true });
const own = counters.worker(0);

const engine: ProxyEngine = new ProxyEngine(
  loop,
  { header: counters.header, shared: counters.shared, own, all: [own] },
  {
    sessionsMax: start.config.global.maxconn,
    descriptorsMax: raiseDescriptorLimit(),
    ...(start.blocksMax === undefined ? {} : { blocksMax: start.blocksMax }),
    log: ({ plane }) => ({
      noteRequest: () => undefined,
      write: (client, cause) => {
        if (start.logSessions) say({ session: cause, status: plane.table.status[client] });
      },
    }),
    report: (kind, text) => say({ report: kind, text }),
  },
);

/** Every listener that the configuration names, opened once. */
const listeners = new Map<string, number>();
function listenerOf(bind: BindConfig): number {
  const known = listeners.get(bind.key);
  if (known !== undefined) return known;
  const opened = openListener(bind.address, { freebind: false, subject: bind.key });
  listeners.set(bind.key, opened);
  return opened;
}

/** Opens a file, which fails when descriptors have run out. */
function rssNow(): number {
  try {
    return Number(readFileSync("/proc/self/statm", "utf8").split(" ")[1]) * 4096;
  } catch {
    // A test of that very shortage does not ask for this figure.
    return -1;
  }
}

const bindsOf = (config: Config): readonly BindConfig[] => config.frontends.flatMap(({ binds }) => binds);
const objects: Record<string, number> = {};
let generation = 0;

function assignment(config: Config): Assignment {
  const place = (key: string): void => void (objects[key] ??= Object.keys(objects).length);
  for (const { name } of config.frontends) place(objectKey("frontend", name));
  for (const { name, servers } of config.backends) {
    place(objectKey("backend", name));
    for (const server of servers) place(objectKey("server", `${name}/${server.name}`));
  }
  return {
    generation: ++generation,
    config,
    index: 0,
    objects,
    listeners: bindsOf(config).map(({ key }) => key),
    tls: start.tls,
    servers: [],
    counters: "",
  };
}

/** Opened early, since descriptors may run out. Not ru_maxrss: a child begins with its parent's. */
const statm = openSync("/proc/self/statm", "r");

function residentBytes(): number {
  const text = Buffer.alloc(128);
  const length = readSync(statm, text, 0, text.length, 0);
  return Number(text.toString("latin1", 0, length).split(" ")[1]) * 4096;
}

function install(config: Config): void {
  const descriptors = bindsOf(config).map((bind) => libc.dup(listenerOf(bind)));
  const reasons = engine.prepare(assignment(config), descriptors);
  if (reasons.length > 0) return say({ refused: reasons });
  engine.commit();
}

function obey(order: ProxyOrder): void {
  switch (order.order) {
    case "reload":
      install(order.config);
      return say({ reloaded: generation });
    case "server":
      engine.setServer(order.state);
      return say({ server: order.state.server });
    case "drain":
      return engine.drain(order.withinMs, () => {
        say({ drained: true });
        loop.stop();
        process.exit(0);
      });
    case "status": {
      const { plane } = engine;
      return say({
        status: {
          sessions: engine.sessionCount,
          slots: plane.table.used,
          blocks: plane.arena.blockCount - plane.arena.freeBlocks,
          pipes: plane.pipes.busy,
          connections: counters.header[2],
          rss: residentBytes(),
          rssNow: rssNow(),
          stalled: plane.stalledSlots(),
          turns: loop.turns,
          cpu: process.cpuUsage(),
          own: [...own.subarray(0, 32 * 8)],
          names: objects,
        },
      });
    }
  }
}

install(start.config);
void loop.run();
const ports = [...listeners].map(([key, fd]) => [key, localAddress(fd)?.port ?? 0] as const);
say({ ready: ports[0]?.[1], ports: Object.fromEntries(ports) });

let pending = "";
process.stdin.on("data", (chunk: Buffer) => {
  pending += chunk.toString();
  for (let at = pending.indexOf("\n"); at >= 0; at = pending.indexOf("\n")) {
    obey(JSON.parse(pending.slice(0, at)) as ProxyOrder);
    pending = pending.slice(at + 1);
  }
});
process.stdin.on("end", () => process.exit(0));
