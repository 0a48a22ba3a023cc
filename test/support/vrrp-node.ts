/**
 * A VRRP node for tests: the vrrp role with a supervisor played beside it, in one process.
 *
 *   bun test/support/vrrp-node.ts CONFIG     CONFIG: a JSON file, VrrpConfig[]
 *
 * Prints a line of JSON for each event and status. SIGTERM stops it in order; SIGHUP reads CONFIG again;
 * SIGUSR1 orders a failover; SIGUSR2 turns the health of the proxy over (it starts as serving); SIGQUIT lets the
 * supervisor vanish.
 */
import { readFileSync } from "node:fs";
import type { VrrpConfig } from "../../src/config/types-vrrp.ts";
import type { Config } from "../../src/config/types.ts";
import type { Assignment } from "../../src/ipc/messages.ts";
import { Channel } from "../../src/ipc/shell/channel.ts";
import { CommandRunner } from "../../src/notify/shell/command-runner.ts";
import { runVrrpRole } from "../../src/roles/vrrp.ts";
import { Loop } from "../../src/sys/loop.ts";
import { socketPair } from "../../src/sys/message.ts";

const path = process.argv[2];
const loop = new Loop();
const pair = socketPair();
if (typeof pair === "number") throw new Error(`socketpair: ${pair}`);
const [ours, theirs] = pair;
const supervisor = new Channel(loop, ours, "supervisor", "vrrp");
let generation = 1;
let serving = true;

function assignment(): Assignment {
  const vrrp = JSON.parse(readFileSync(path, "utf8")) as VrrpConfig[];
  const config = { vrrp, frontends: [], backends: [] } as unknown as Config;
  return { generation, config, index: 0, objects: {}, listeners: [], tls: {}, servers: [], counters: "" };
}

function print(kind: string, value: unknown): void {
  process.stdout.write(`${JSON.stringify({ kind, atMs: Date.now(), value })}\n`);
}

supervisor.on("ready", (value) => print("ready", value));
supervisor.on("event", (value) => print("event", value));
supervisor.on("vrrp_status", (value) => print("status", value));
// Nobody here outlives the role.
supervisor.on("vrrp_will", () => {});
supervisor.on("vrrp_standing", () => {});
supervisor.on("prepared", (value) => supervisor.send("commit", value));
const commands = new CommandRunner(loop, (command) => ({ argv: command.argv, identity: null }));
supervisor.on("run_script", ({ id, command, timeoutMs }) => {
  const order = { argv: command, user: "root", timeoutMs, graceMs: 0, environment: {}, output: "ignore" } as const;
  commands.run(order, ({ ok, code, timedOut, durationMs, reason }) =>
    supervisor.send("script_result", { id, ok, code, timedOut, durationMs, reason }),
  );
});
supervisor.on("drained", () => print("drained", {}));
process.on("SIGTERM", () => supervisor.send("stop", { mode: "drain", withinMs: 1000 }));
process.on("SIGHUP", () => {
  generation++;
  supervisor.send("prepare", assignment());
});
process.on("SIGUSR1", () => supervisor.send("vrrp_order", { order: "failover", instance: null }));
process.on("SIGQUIT", () => supervisor.close());
process.on("SIGUSR2", () => {
  serving = !serving;
  supervisor.send("proxy_health", { serving, reason: "test" });
});

runVrrpRole(new Channel(loop, theirs, "vrrp", "supervisor"), loop);
supervisor.send("start", assignment());
supervisor.send("proxy_health", { serving, reason: "test" });
await loop.run();
process.exit(0);
