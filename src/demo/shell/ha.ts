/** `ballast demo --ha`: two appliances, one virtual address, a power cut, and a count of what the clients noticed. */
import { mkdirSync, writeFileSync, chmodSync } from "node:fs";
import { join } from "node:path";
import type { VrrpStatus } from "../../admin/api.ts";
import { HA_ADVERT_MS, haToml } from "../config.ts";
import { toyNames } from "../scenes.ts";
import { since, tallyText } from "../tally.ts";
import { type Child, startChild } from "./children.ts";
import {
  CLIENT_ADDRESS,
  makeNetwork,
  type Network,
  NODE_INTERFACE,
  type NodeName,
  nodeNames,
  PREFIX_LENGTH,
  VIP,
} from "./network.ts";
import {
  ask,
  daemonReady,
  DemoError,
  type DemoTools,
  type Load,
  makeFolder,
  pause,
  removeFolder,
  startLoad,
  startToy,
  until,
} from "./stage.ts";

const REQUESTS_PER_SECOND = 50;
const FIRST_TOY_PORT = 8001;
const TAKEOVER_TIMEOUT_MS = 8_000;
/** A SYN that met the dead master is sent again after a second (TCP_TIMEOUT_INIT); late answers are waited for. */
const SETTLE_MS = 2_500;

const priorities: Readonly<Record<NodeName, number>> = { a: 150, b: 100 };

interface Pair {
  readonly tools: DemoTools;
  readonly network: Network;
  readonly folder: string;
  readonly nodes: Map<NodeName, Child>;
}

/** Runs the play once. Needs root; throws DemoError with the reason when something cannot be shown. */
export async function runHa(tools: DemoTools): Promise<number> {
  const folder = makeFolder();
  let network: Network | null = null;
  const children: Child[] = [];
  const stops: (() => Promise<void>)[] = [];
  try {
    tools.say("two network namespaces, a bridge between them: nothing outside of them changes");
    network = await makeNetwork();
    const pair: Pair = { tools, network, folder, nodes: new Map() };
    stops.push(async () => void (await Promise.all([...pair.nodes.values()].map((child) => child.stop()))));
    const servers = toyNames.map((name, index) => ({ name, address: `${CLIENT_ADDRESS}:${FIRST_TOY_PORT + index}` }));
    for (const [index, name] of toyNames.entries()) {
      const toy = await startToy(tools.self, network.within("net"), name, CLIENT_ADDRESS, FIRST_TOY_PORT + index);
      children.push(toy.child);
    }
    for (const node of nodeNames) writeConfig(pair, node, servers);
    await Promise.all(nodeNames.map((node) => startNode(pair, node)));
    return await perform(pair, stops);
  } finally {
    for (const stop of stops.reverse()) await stop();
    await Promise.all(children.map((child) => child.stop()));
    await network?.remove();
    removeFolder(folder);
  }
}

async function perform(pair: Pair, stops: (() => Promise<void>)[]): Promise<number> {
  const { tools, network } = pair;
  if (!(await becomes(pair, "a", "master"))) return stopped(tools, "node a did not become master");
  const load = startLoad(tools.self, network.within("net"), `http://${VIP}/`, REQUESTS_PER_SECOND, true);
  stops.push(load.stop);
  tools.say(`a is master and holds ${VIP}; ${REQUESTS_PER_SECOND} requests a second, each on a new connection; try:`);
  tools.say(`  ${network.within("net").join(" ")} curl http://${VIP}/`);
  tools.say(`  ${tools.self.command.join(" ")} -S ${socketOf(pair, "b")} vrrp status`);
  await pause(2_000, tools.ended);

  tools.say(`power cut on a: SIGKILL to all its processes, cable dead (adverts every ${HA_ADVERT_MS} ms) …`);
  const took = await observe(pair, load, "b", () => network.cutPower("a"));
  if (!took) return stopped(tools, "node b did not take over");

  tools.say("a boots again; its priority is higher, so it takes the address back …");
  const back = await observe(pair, load, "a", async () => {
    await network.boot("a");
    await startNode(pair, "a");
  });
  if (!back) return stopped(tools, "node a did not take the address back");

  tools.say("a is stopped as an administrator does it (ballast stop): it hands the address over first …");
  const handed = await observe(pair, load, "b", () => pair.nodes.get("a")!.stop());
  if (!handed) return stopped(tools, "node b did not take over");
  tools.say(`in all: ${tallyText(load.tally())}`);
  return 0;
}

/** Does it, waits until `master` is master, lets late answers come, and says what the clients saw. */
async function observe(pair: Pair, load: Load, master: NodeName, deed: () => Promise<void>): Promise<boolean> {
  const before = load.tally();
  load.mark();
  await deed();
  if (!(await becomes(pair, master, "master"))) return false;
  await pause(SETTLE_MS, pair.tools.ended);
  const seen = since(before, load.tally());
  pair.tools.say(
    `  ${master} is master and holds ${VIP}; longest time without an answer ${(seen.gapMs / 1000).toFixed(2)} s; ${tallyText(seen)}`,
  );
  return true;
}

function stopped(tools: DemoTools, text: string): number {
  if (tools.ended.aborted) return 0;
  throw new DemoError(text);
}

async function becomes(pair: Pair, node: NodeName, state: VrrpStatus["state"]): Promise<boolean> {
  const tookMs = await until(
    async () => {
      const rows = await ask<readonly VrrpStatus[]>(pair.tools.self, ["-S", socketOf(pair, node), "vrrp", "status"]);
      return rows?.[0]?.state === state;
    },
    TAKEOVER_TIMEOUT_MS,
    pair.tools.ended,
  );
  return tookMs !== null;
}

function socketOf(pair: Pair, node: NodeName): string {
  return join(pair.folder, node, "ballast.sock");
}

function writeConfig(pair: Pair, node: NodeName, servers: readonly { name: string; address: string }[]): void {
  const folder = join(pair.folder, node);
  mkdirSync(folder);
  chmodSync(folder, 0o711);
  const toml = haToml({
    name: node,
    socket: socketOf(pair, node),
    logFile: join(folder, "ballast.log"),
    interface: NODE_INTERFACE,
    priority: priorities[node],
    vip: `${VIP}/${PREFIX_LENGTH}`,
    servers,
  });
  writeFileSync(join(folder, "ballast.toml"), toml);
}

async function startNode(pair: Pair, node: NodeName): Promise<void> {
  const configFile = join(pair.folder, node, "ballast.toml");
  const child = startChild(pair.tools.self, pair.network.within(node), ["-c", configFile, "run"], () => undefined);
  pair.nodes.set(node, child);
  await daemonReady(pair.tools, child, socketOf(pair, node), `node ${node}`);
}
