/**
 * How long clients of a VIP get no answer when its node goes: Ballast beside keepalived on the same topology and
 * settings, in one run. Two nodes and a client on a switch, all network namespaces; needs root, keepalived and dist/ballast.
 *
 *   bun scripts/bench/vrrp-outage.ts [EVENT …] [--intervals 1000,100,10] [--rounds 1]
 *
 * The service is Ballast's proxy on both: beside keepalived it runs without VRRP, and a vrrp_script watches it once a
 * second. Prints a Markdown table of the longest time without an answer: the median, and from the best to the worst
 * round. Every event happens just after an advert: a backup counts from the last one that it heard, so at a random moment
 * the same speaker would be up to an interval better.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { adminClient } from "../../src/admin/client.ts";
import {
  type Appliance,
  rolesOf,
  startAppliance,
  stopAppliances,
  supervisorPid,
} from "../../test/support/appliance.ts";
import { makeNetwork, type Network } from "../../test/support/netns.ts";
import { startProcess, stopAllProcesses, type TestProcess } from "../../test/support/process.ts";
import { waitFor } from "../../test/support/wait.ts";
import { median } from "./report.ts";

const VIP = "192.0.2.10";
const PRIORITY = { a: 101, b: 100 } as const;
type NodeName = keyof typeof PRIORITY;
/** Longer than any outage that is expected: the down time at one second and a retransmitted SYN. */
const WATCH_AFTER_MS = 6000;

/** One node as the events see it. */
interface Speaker {
  stop(): void;
  /** The process that sends adverts, alone. */
  killSpeaker(): void;
  killAll(): void;
  killProxy(): void;
  handOver(): Promise<void>;
}

type EventName =
  "nothing" | "clean stop" | "speaker killed" | "all killed" | "link down" | "proxy killed" | "planned failover";
const events: Readonly<Record<EventName, (speaker: Speaker, network: Network) => Promise<void> | void>> = {
  // What the client and the machine make of an undisturbed service: no other row can show less.
  nothing: () => undefined,
  "clean stop": (speaker) => speaker.stop(),
  "speaker killed": (speaker) => speaker.killSpeaker(),
  "all killed": (speaker) => speaker.killAll(),
  "link down": (_, network) => network.cable("a", false),
  "proxy killed": (speaker) => speaker.killProxy(),
  "planned failover": (speaker) => speaker.handOver(),
};

const inside = (network: Network, name: string): readonly string[] => [
  "ip",
  "netns",
  "exec",
  network.node(name).namespace,
];

/** Answers 403 to everything, at once: an answer. */
const PROXY = `[frontend.web]
mode = "http"
bind = ["*:80"]
rules = [{ deny = true }]
`;

function ballastSections(name: NodeName, intervalMs: number): string {
  return `${PROXY}[vrrp.VI_1]
interface = "eth0"
virtual_router_id = 51
version = 3
priority = ${PRIORITY[name]}
advert_interval = "${intervalMs}ms"
addresses = ["${VIP}/24"]
track = [{ proxy = true }]
`;
}

/** Every process of it at once. */
function killAppliance(appliance: Appliance): void {
  const supervisor = supervisorPid(appliance);
  const roles = [...rolesOf(supervisor).values()];
  // Stopped first: whoever saw another go would say goodbye.
  for (const signal of ["SIGSTOP", "SIGKILL"] as const) {
    for (const pid of [supervisor, ...roles]) process.kill(pid, signal);
  }
}

async function startBallast(network: Network, name: NodeName, intervalMs: number): Promise<Speaker> {
  const appliance: Appliance = await startAppliance(ballastSections(name, intervalMs), {
    prefix: inside(network, name),
  });
  const kill = (pid: number | null): void => {
    if (pid !== null) process.kill(pid, "SIGKILL");
  };
  return {
    stop: () => appliance.process.signal("SIGTERM"),
    killSpeaker: () => kill(appliance.pidOf("vrrp")),
    killAll: () => killAppliance(appliance),
    killProxy: () => kill(appliance.pidOf("worker/0")),
    handOver: async () => {
      // What `ballast vrrp failover` sends. The command itself is a program to start, on the CPUs of the client.
      await adminClient(appliance.socket).request({ op: "vrrp", order: "failover", instance: null });
    },
  };
}

function keepalivedText(name: NodeName, intervalMs: number, priority: number, pid: number): string {
  return `global_defs {
  router_id ${name}
  vrrp_version 3
  script_user root
}
vrrp_script proxy {
  script "/bin/kill -0 ${pid}"
  interval 1
}
vrrp_instance VI_1 {
  state BACKUP
  interface eth0
  virtual_router_id 51
  priority ${priority}
  advert_int ${intervalMs / 1000}
  track_script {
    proxy
  }
  virtual_ipaddress {
    ${VIP}/24
  }
}
`;
}

async function startKeepalived(network: Network, name: NodeName, intervalMs: number, folder: string): Promise<Speaker> {
  const proxy = await startAppliance(PROXY, { prefix: inside(network, name) });
  const proxyPid = supervisorPid(proxy);
  const config = join(folder, `${name}.conf`);
  const write = (priority: number): void => writeFileSync(config, keepalivedText(name, intervalMs, priority, proxyPid));
  write(PRIORITY[name]);
  const pids = ["pid", "vrrp_pid", "checkers_pid"].flatMap((key) => [`--${key}`, join(folder, `${name}.${key}`)]);
  const words = ["keepalived", "--dont-fork", "--log-console", "--vrrp", "--use-file", config, ...pids];
  const daemon = startProcess([...inside(network, name), ...words]);
  const child = async (): Promise<number> => Number(await Bun.file(join(folder, `${name}.vrrp_pid`)).text());
  await waitFor("keepalived's speaker", async () => (await child()) > 0, 5000);
  const speaker = await child();
  return {
    stop: () => {
      daemon.signal("SIGTERM");
      proxy.process.signal("SIGTERM");
    },
    killSpeaker: () => process.kill(speaker, "SIGKILL"),
    killAll: () => {
      process.kill(-daemon.pid, "SIGKILL");
      killAppliance(proxy);
    },
    killProxy: () => killAppliance(proxy),
    handOver: () => {
      write(PRIORITY.b - 50);
      daemon.signal("SIGHUP");
      return Promise.resolve();
    },
  };
}

async function justAfterAdvert(network: Network): Promise<void> {
  const words = ["tcpdump", "-l", "-n", "-c", "1", "-i", "eth0", "ip", "proto", "112"];
  const listener = startProcess([...inside(network, "c"), ...words]);
  await listener.exited;
}

/** Start times of the questions that were answered. */
function answered(client: TestProcess): readonly number[] {
  return client
    .stdout()
    .split("\n")
    .slice(0, -1)
    .map(Number)
    .toSorted((a, b) => a - b);
}

/** The longest time without an answer after the event, in milliseconds. */
async function round(product: "ballast" | "keepalived", event: EventName, intervalMs: number): Promise<number> {
  const network = await makeNetwork("bvout", { a: "192.0.2.1/24", b: "192.0.2.2/24", c: "192.0.2.3/24" });
  const folder = mkdtempSync(join(tmpdir(), "ballast-outage-"));
  const start = (name: NodeName): Promise<Speaker> =>
    product === "ballast"
      ? startBallast(network, name, intervalMs)
      : startKeepalived(network, name, intervalMs, folder);
  const holds = async (name: NodeName): Promise<boolean> =>
    (await network.node(name).addresses()).includes(`${VIP}/24`);
  try {
    const a = await start("a");
    await waitFor("a to lead", () => holds("a"), 10_000);
    await start("b");
    await waitFor("b to follow", async () => (await holds("a")) && !(await holds("b")), 10_000);
    const script = resolve(import.meta.dir, "outage-client.ts");
    const client = startProcess([...inside(network, "c"), process.execPath, script, VIP]);
    await waitFor("answers", () => answered(client).length > 200, 15_000);
    await justAfterAdvert(network);
    const eventAtMs = performance.timeOrigin + performance.now();
    await events[event](a, network);
    await Bun.sleep(WATCH_AFTER_MS);
    await client.stop("SIGKILL");
    const times = answered(client);
    const before = times.findLast((time) => time < eventAtMs) ?? eventAtMs;
    const after = [before, ...times.filter((time) => time >= eventAtMs)];
    if (after.length < 2) return Number.POSITIVE_INFINITY;
    return after.slice(1).reduce((longest, time, i) => Math.max(longest, time - after[i]), 0);
  } finally {
    await stopAppliances();
    await stopAllProcesses();
    await network.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { intervals: { type: "string", default: "1000,100,10" }, rounds: { type: "string", default: "1" } },
});
const intervals = values.intervals.split(",").map(Number);
const rounds = Math.min(20, Math.max(1, Number(values.rounds)));
const names = Object.keys(events) as EventName[];
const chosen = positionals.length === 0 ? names : names.filter((name) => positionals.includes(name));

console.log(`| event | interval | keepalived | Ballast |\n|---|---|---|---|`);
for (const event of chosen) {
  for (const intervalMs of intervals) {
    const cells: string[] = [];
    for (const product of ["keepalived", "ballast"] as const) {
      const measured: number[] = [];
      for (let i = 0; i < rounds; i++) measured.push(await round(product, event, intervalMs));
      const seconds = (ms: number): string => (ms / 1000).toFixed(2);
      const range = rounds === 1 ? "" : ` (${seconds(Math.min(...measured))}–${seconds(Math.max(...measured))})`;
      cells.push(`${seconds(median(measured))} s${range}`);
    }
    console.log(`| ${event} | ${intervalMs} ms | ${cells.join(" | ")} |`);
  }
}
process.exit(0);
