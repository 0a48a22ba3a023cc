/** The director's LVS half over its channel, with a kernel made of memory: hooks, suspension, drains, what is told. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BallastEvent, LvsStatus, VrrpStateName, VrrpStatus } from "../../../src/admin/api.ts";
import { parseConfig } from "../../../src/config/parse.ts";
import type { Config } from "../../../src/config/types.ts";
import type { Assignment, MessagePayloads, RunScript } from "../../../src/ipc/messages.ts";
import { Channel } from "../../../src/ipc/shell/channel.ts";
import type { KeptTable } from "../../../src/ipvs/kernel-table.ts";
import { endpointText } from "../../../src/ipvs/model.ts";
import { ok } from "../../../src/lib/result.ts";
import { runDirector } from "../../../src/roles/director.ts";
import { giveOwnership, ownershipPath } from "../../../src/roles/ipvs-file.ts";
import { Loop } from "../../../src/sys/loop.ts";
import { socketPair } from "../../../src/sys/message.ts";
import { freePort } from "../../support/ports.ts";
import { holdsFor, waitFor } from "../../support/wait.ts";
import { FakeKernel } from "../../unit/ipvs/fake-kernel.ts";
import { testEnvironment } from "../../unit/config/test-environment.ts";

const SERVICE = "tcp 192.0.2.10:80";
const HOOKS = 'notify = { up = "/h/up", down = "/h/down", quorum_up = "/h/qup a", quorum_down = "/h/qdown" }';

let directory: string;
let supervisorLoop: Loop;
let supervisor: Channel;
let ends: Promise<unknown>[];
let kernel: FakeKernel;
/** Whether templates of persistence were asked to expire. */
let expired: number;
let seen: string[];
const closers: (() => void)[] = [];
let scripts: RunScript[];
let events: BallastEvent[];
let statuses: LvsStatus[];
let generation: number;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "ballast-lvs-director-"));
  giveOwnership(ownershipPath(join(directory, "ballast.sock")), null);
  kernel = new FakeKernel();
  [expired, generation] = [0, 1];
  [seen, scripts, events, statuses] = [[], [], [], []];
  const pair = socketPair();
  if (typeof pair === "number") throw new Error(`socketpair: ${pair}`);
  supervisorLoop = new Loop();
  supervisor = new Channel(supervisorLoop, pair[0], "supervisor", "director");
  for (const type of ["ready", "prepared", "refused", "drained"] as const) {
    supervisor.on(type, () => void seen.push(type));
  }
  supervisor.on("verdict", () => undefined);
  supervisor.on("event", (event) => void events.push(event));
  supervisor.on("lvs_status", (status) => void statuses.push(status));
  supervisor.on("run_script", (script) => void scripts.push(script));
  supervisor.onClose(() => undefined);
  const roleLoop = new Loop();
  const table: KeptTable = {
    read: () => ok(kernel.table()),
    apply: (command) => {
      const errno = kernel.apply(command);
      return errno === 0 ? null : { errno, text: `refused with ${errno}` };
    },
    timeouts: () => ok({ tcpSeconds: 900, tcpFinSeconds: 120, udpSeconds: 300 }),
    daemons: () => ok([]),
  };
  runDirector(new Channel(roleLoop, pair[1], "director", "supervisor"), roleLoop, {
    open: () => table,
    expireTemplates: () => {
      expired++;
      return null;
    },
  });
  ends = [supervisorLoop.run(), roleLoop.run()];
});

afterEach(async () => {
  supervisor.close();
  supervisorLoop.stop();
  await Promise.all(ends);
  for (const close of closers.splice(0)) close();
  rmSync(directory, { recursive: true });
});

/** A port that accepts until `stop`. */
function listening(port = 0): { readonly port: number; stop(): void } {
  const server = Bun.listen({ hostname: "127.0.0.1", port, socket: { data: () => undefined } });
  closers.push(() => server.stop(true));
  return { port: server.port, stop: () => server.stop(true) };
}

/** Real servers 192.0.2.11 and .12, each checked at a port of this machine. */
function virtualServer(ports: readonly number[], more = ""): string {
  const reals = ports.map((port, i) => `{ address = "192.0.2.${11 + i}:80", check = { port = ${port} } }`);
  return `[virtual_server.web]
address = "192.0.2.10:80"
check = { tcp = true, address = "127.0.0.1", interval = "100ms", timeout = "5s", retry = 0 }
real_servers = [${reals.join(", ")}]
${more}
`;
}

function configOf(text: string): Config {
  const { config, issues } = parseConfig(text, testEnvironment());
  if (config === null) throw new Error(issues.map(({ message }) => message).join("\n"));
  return { ...config, admin: { ...config.admin, socket: join(directory, "ballast.sock") } };
}

function assignment(text: string): Assignment {
  const fixed = { index: 0, objects: {}, listeners: [], tls: {}, servers: [], counters: "" };
  return { generation: generation++, config: configOf(text), ...fixed };
}

async function reload(text: string): Promise<void> {
  const next = assignment(text);
  const before = seen.length;
  supervisor.send("prepare", next);
  await waitFor("prepared", () => seen.length > before);
  supervisor.send("commit", { generation: next.generation });
}

/** `192.0.2.11:80=1 …`; null: there is no such service. */
function table(): string | null {
  const service = kernel.table().find(({ id }) => id.kind === "address" && id.port === 80);
  return service?.destinations.map((each) => `${endpointText(each)}=${each.weight}`).join(" ") ?? null;
}

/** What a script was told, `up 192.0.2.11:80`. */
function told({ command, environment = {} }: RunScript): string {
  return `${command.join(" ")} ${environment["BALLAST_REAL_SERVER"] ?? environment["BALLAST_VIRTUAL_SERVER"]}`;
}

function answer(script: RunScript, code = 0): void {
  const reason = code === 0 ? "" : `exit code ${code}`;
  supervisor.send("script_result", { id: script.id, ok: code === 0, code, timedOut: false, durationMs: 1, reason });
}

/** The next hook that has not been answered yet. */
async function nextHook(index: number): Promise<RunScript> {
  return waitFor(`hook ${index + 1}`, () => scripts[index]);
}

function stop(more: Partial<MessagePayloads["stop"]> = {}): void {
  supervisor.send("stop", { mode: "drain", withinMs: 20_000, ...more });
}

const drained = (): Promise<unknown> => waitFor("drained", () => seen.includes("drained"));

test("the director runs hooks of one virtual server in order, with keepalived's arguments and our variables", async () => {
  const [one, two] = [listening(), listening()];
  supervisor.send("start", assignment(virtualServer([one.port, two.port], HOOKS)));
  await waitFor("both", () => table() === "192.0.2.11:80=1 192.0.2.12:80=1");
  one.stop();
  two.stop();
  const first = await nextHook(0);
  await waitFor("both down", () => events.filter(({ kind }) => kind === "lvs.server").length === 2);
  await waitFor("the quorum", () => events.some(({ kind }) => kind === "lvs.quorum"));
  // Its successors wait for its end.
  expect(await holdsFor(() => scripts.length === 1, 50)).toBe(true);
  const orders = [told(first)];
  answer(first, 3);
  for (const index of [1, 2]) {
    const script = await nextHook(index);
    orders.push(told(script));
    answer(script);
  }
  expect(orders.slice(0, 2).toSorted()).toEqual(["/h/down 192.0.2.11:80", "/h/down 192.0.2.12:80"]);
  expect(orders[2]).toBe("/h/qdown web");
  expect(first.environment).toMatchObject({ BALLAST_VIRTUAL_SERVER: "web", BALLAST_STATE: "down" });
  expect(first.timeoutMs).toBe(30_000);
  const failure = await waitFor("the failure", () => events.find(({ kind }) => kind === "hook.fail"));
  expect(failure).toMatchObject({ object: "web", text: "hook /h/down: exit code 3" });
  listening(one.port);
  const up = await nextHook(3);
  answer(up);
  const quorumUp = await nextHook(4);
  expect([told(up), told(quorumUp)]).toEqual(["/h/up 192.0.2.11:80", "/h/qup a web"]);
});

test("a director that stops runs the down commands with omega, and waits for them", async () => {
  const [one, two] = [listening(), await freePort()];
  const begun = assignment(virtualServer([one.port, two], `omega = true\n${HOOKS}\n[ipvs]\non_stop = "remove"`));
  supervisor.send("start", begun);
  const down = await nextHook(0);
  expect(told(down)).toBe("/h/down 192.0.2.12:80");
  answer(down);
  await waitFor("the other in the table", () => table() === "192.0.2.11:80=1");
  stop();
  const last = await nextHook(1);
  expect(told(last)).toBe("/h/down 192.0.2.11:80");
  expect(await holdsFor(() => !seen.includes("drained"), 50)).toBe(true);
  answer(last);
  const quorum = await nextHook(2);
  expect(told(quorum)).toBe("/h/qdown web");
  answer(quorum);
  await drained();
  expect(table()).toBeNull();
});

test("a director that stops does not wait for hooks longer than it may", async () => {
  supervisor.send("start", assignment(virtualServer([listening().port], `omega = true\n${HOOKS}`)));
  await waitFor("the table", () => table() === "192.0.2.11:80=1");
  stop({ withinMs: 50 });
  await nextHook(0);
  await drained();
  // on_stop = "keep"
  expect(table()).toBe("192.0.2.11:80=1");
});

test("a director that another one replaces runs no hooks and leaves the table", async () => {
  const text = virtualServer([listening().port], `omega = true\n${HOOKS}\n[ipvs]\non_stop = "remove"`);
  supervisor.send("start", assignment(text));
  await waitFor("the table", () => table() === "192.0.2.11:80=1");
  stop({ replaced: true });
  await drained();
  expect([table(), scripts.length]).toEqual(["192.0.2.11:80=1", 0]);
});

test("ha_suspend checks only where the virtual address is", async () => {
  const port = await freePort();
  const vrrp = `[vrrp.VI_1]
interface = "eth0"
virtual_router_id = 51
addresses = ["192.0.2.10/32"]
`;
  supervisor.send("vrrp_status", [instance("backup")]);
  supervisor.send("start", assignment(`${vrrp}${virtualServer([port], `ha_suspend = true\n${HOOKS}`)}`));
  await waitFor("the table", () => table() === "192.0.2.11:80=1");
  // Nobody listens there, and nobody looks.
  expect(await holdsFor(() => scripts.length === 0, 300)).toBe(true);
  expect(statuses.at(-1)?.virtualServers[0]).toMatchObject({ suspended: true, hasQuorum: true });
  supervisor.send("vrrp_status", [instance("master")]);
  expect(told(await nextHook(0))).toBe("/h/down 192.0.2.11:80");
  await waitFor("its status", () => statuses.at(-1)?.virtualServers[0]?.suspended === false);
});

function instance(state: VrrpStateName): VrrpStatus {
  return {
    instance: "VI_1",
    interface: "eth0",
    virtualRouterId: 51,
    version: 2,
    state,
    priority: 100,
    basePriority: 100,
    advertIntervalMs: 1000,
    addresses: ["192.0.2.10/32"],
    masterAddress: null,
    masterPriority: null,
    lastAdvertWallMs: null,
    sinceWallMs: 0,
    transitions: 0,
    advertsSent: 0,
    advertsReceived: 0,
    priorityZeroSent: 0,
    priorityZeroReceived: 0,
    garpSent: 0,
    errors: {},
    tracks: [],
    why: "",
  };
}

test("persistence lets templates of drained servers expire; without it the kernel's setting stays", async () => {
  const { port } = listening();
  supervisor.send("start", assignment(virtualServer([port])));
  await waitFor("the table", () => table() === "192.0.2.11:80=1");
  expect(expired).toBe(0);
  await reload(virtualServer([port], 'persistence = "5m"'));
  await waitFor("the setting", () => expired === 1);
});

test("the last virtual server drains when a reload takes it away, and the role ends after that", async () => {
  const { port } = listening();
  supervisor.send("start", assignment(virtualServer([port])));
  await waitFor("the table", () => table() === "192.0.2.11:80=1");
  kernel.connect(SERVICE, "192.0.2.11:80", 3);
  await reload("");
  await waitFor("weight 0", () => table() === "192.0.2.11:80=0");
  stop();
  const drain = await waitFor("the word about it", () => events.find(({ kind }) => kind === "lvs.drain"));
  expect(drain.text).toBe("no virtual server is left: connections to 1 real servers have 30s to end");
  expect(await holdsFor(() => !seen.includes("drained"), 100)).toBe(true);
  kernel.connect(SERVICE, "192.0.2.11:80", 0);
  await drained();
  expect(table()).toBeNull();
});

test("a drain of the last virtual server ends with the time that it has", async () => {
  supervisor.send("start", assignment(virtualServer([listening().port])));
  await waitFor("the table", () => table() === "192.0.2.11:80=1");
  kernel.connect(SERVICE, "192.0.2.11:80", 3);
  await reload("");
  await waitFor("weight 0", () => table() === "192.0.2.11:80=0");
  stop({ withinMs: 100 });
  await drained();
  expect(table()).toBeNull();
});

test("the director tells what it knows of virtual and real servers, the table included", async () => {
  const [one, two] = [listening(), await freePort()];
  supervisor.send("start", assignment(virtualServer([one.port, two], "quorum = 2")));
  const status = await waitFor("both verdicts", () =>
    statuses.findLast(({ virtualServers: [web] }) => web?.realServers.every(({ checkInfo }) => checkInfo !== "")),
  );
  expect(status.troubles).toEqual([]);
  const web = await waitFor("the quorum's loss", () => {
    const last = statuses.at(-1)?.virtualServers[0];
    return last?.hasQuorum === false ? last : undefined;
  });
  expect(web).toMatchObject({
    name: "web",
    services: [SERVICE],
    scheduler: "wlc",
    forward: "dr",
    quorum: 2,
    weight: 1,
  });
  expect(web.realServers).toMatchObject([
    { name: "192.0.2.11:80", health: "up", tableWeight: 1, checkInfo: "L4OK Layer4 check passed" },
    { name: "192.0.2.12:80", health: "down", admin: "ready", checkInfo: "L4CON Connection refused" },
  ]);
  supervisor.send("lvs_order", { virtual: "web", real: "192.0.2.11:80", state: "drain" });
  await waitFor("the drain", () => statuses.at(-1)?.virtualServers[0]?.realServers[0]?.admin === "drain");
});
