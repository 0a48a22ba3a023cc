/** Which real server gets a connection: every scheduler's distribution, persistence, thresholds, weight 0. */
import assert from "node:assert/strict";
import { waitFor } from "../../support/wait.ts";
import {
  CLIENT,
  CLIENT_FAR,
  CLIENT_NEAR,
  openRoutedSite,
  OTHER_PORT,
  ownVip,
  type RoutedSite,
  SERVER_PORT,
  VIP,
} from "../guest/routed-site.ts";
import { scenario, type Scenario } from "../guest/scenario.ts";
import { runAll } from "../guest/shell.ts";
import { destinationOf, tally } from "../guest/table.ts";
import { clearTable, type TableTool } from "../guest/table-tool.ts";

const PATIENCE_MS = 15_000;
const SERVICE = `-t ${VIP}:80`;
/** More than a full turn of the weights below; wrr gives whole turns exactly. */
const TURNS = 2;
const WEIGHTS = [3, 2, 1] as const;

type Counts = Readonly<Record<string, number>>;

/** The service with weights 3, 2, 1 unless said otherwise, after emptying the table. */
async function fill(
  site: RoutedSite,
  tool: TableTool,
  service: string,
  weights: readonly number[] = WEIGHTS,
): Promise<void> {
  await clearTable(site.director);
  await tool.restore(site.director, [
    `-A ${SERVICE} ${service}`,
    ...site.servers.map(({ node }, index) => `-a ${SERVICE} -r ${node.address}:${SERVER_PORT} -g -w ${weights[index]}`),
  ]);
}

async function distribution(site: RoutedSite, count: number, from?: string): Promise<Counts> {
  return tally(await site.client.ask(VIP, 80, count, from));
}

/** Opens `count` connections and keeps them; answers who serves each. */
async function holdMany(site: RoutedSite, count: number, port = SERVER_PORT): Promise<readonly string[]> {
  const names: string[] = [];
  for (let index = 0; index < count; index++) {
    await site.client.hold(`held${index}`, VIP, port);
    names.push(await site.client.say(`held${index}`));
  }
  return names;
}

async function dropMany(site: RoutedSite, count: number): Promise<void> {
  for (let index = 0; index < count; index++) await site.client.drop(`held${index}`);
}

/** With connections held open, schedulers that count them differ from each other. */
async function heldDistribution(site: RoutedSite, tool: TableTool, service: string, count: number): Promise<Counts> {
  await fill(site, tool, service);
  const names = await holdMany(site, count);
  await dropMany(site, count);
  return tally(names);
}

async function openSite(): Promise<RoutedSite> {
  const site = await openRoutedSite();
  await ownVip(site, "lo");
  return site;
}

function total(counts: Counts): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

export function schedulingScenario(name: string, tool: TableTool): Scenario {
  return scenario(name, openSite, {
    "rr ignores weights": async (site) => {
      await fill(site, tool, "-s rr");
      assert.deepEqual(await distribution(site, 6 * TURNS), { rs1: 2 * TURNS, rs2: 2 * TURNS, rs3: 2 * TURNS });
    },
    "wrr follows weights": async (site) => {
      await fill(site, tool, "-s wrr");
      assert.deepEqual(await distribution(site, 6 * TURNS), { rs1: 3 * TURNS, rs2: 2 * TURNS, rs3: TURNS });
    },
    "lc levels connections, whatever the weights": async (site) => {
      assert.deepEqual(await heldDistribution(site, tool, "-s lc", 6), { rs1: 2, rs2: 2, rs3: 2 });
    },
    "wlc levels connections by weight": async (site) => {
      assert.deepEqual(await heldDistribution(site, tool, "-s wlc", 6), { rs1: 3, rs2: 2, rs3: 1 });
    },
    "sed prefers heavy servers before it levels by weight": async (site) => {
      assert.deepEqual(await heldDistribution(site, tool, "-s sed", 6), { rs1: 3, rs2: 2, rs3: 1 });
    },
    "nq gives every idle server one": async (site) => {
      await fill(site, tool, "-s nq");
      const names = await holdMany(site, 3);
      await dropMany(site, 3);
      assert.deepEqual(tally(names), { rs1: 1, rs2: 1, rs3: 1 });
    },
    "fo uses the heaviest server alone": async (site) => {
      await fill(site, tool, "-s fo");
      assert.deepEqual(await distribution(site, 6), { rs1: 6 });
    },
    // The kernel passes a server on whose connections exceed its weight: each takes one more than that.
    "ovf fills the heaviest server, then the next": async (site) => {
      assert.deepEqual(await heldDistribution(site, tool, "-s ovf", 8), { rs1: 4, rs2: 3, rs3: 1 });
    },
    "sh, dh, mh, lblc and lblcr keep a client with its server": async (site) => {
      for (const scheduler of ["sh", "dh", "mh", "lblc", "lblcr"]) {
        await fill(site, tool, `-s ${scheduler}`);
        const counts = await distribution(site, 5);
        assert.equal(Object.keys(counts).length, 1, `${scheduler} spread one client: ${JSON.stringify(counts)}`);
      }
    },
    "sh with sh-port and mh with mh-port spread the ports of one client": async (site) => {
      for (const scheduler of ["sh -b sh-port", "mh -b mh-port"]) {
        await fill(site, tool, `-s ${scheduler}`, [1, 1, 1]);
        const counts = await distribution(site, 16);
        assert.ok(Object.keys(counts).length > 1, `${scheduler} kept to ${JSON.stringify(counts)}`);
      }
    },
    "twos serves everybody": async (site) => {
      await fill(site, tool, "-s twos");
      assert.equal(total(await distribution(site, 6)), 6);
    },
    "persistence keeps a client, its netmask the client's network": async (site) => {
      await fill(site, tool, "-s rr -p 60 -M 255.255.255.0", [1, 1, 1]);
      const first = await site.client.ask(VIP, 80, 3, CLIENT);
      const near = await site.client.ask(VIP, 80, 2, CLIENT_NEAR);
      const far = await site.client.ask(VIP, 80, 2, CLIENT_FAR);
      assert.equal(new Set([...first, ...near]).size, 1, `one network was served by ${[...first, ...near]}`);
      assert.equal(new Set(far).size, 1);
      assert.notEqual(far[0], first[0]);
    },
    "a server above its upper threshold gets no more connections": async (site) => {
      // Another port: the kernel counts ended connections too, and gives a server that comes back its old ones.
      const service = `-t ${VIP}:${OTHER_PORT}`;
      const [first, second] = site.servers.map(({ node }) => `-a ${service} -r ${node.address}:${OTHER_PORT} -g -w 1`);
      await clearTable(site.director);
      await tool.restore(site.director, [`-A ${service} -s rr`, `${first} -x 1`, second!]);
      const names = await holdMany(site, 4, OTHER_PORT);
      await dropMany(site, 4);
      assert.deepEqual(tally(names), { rs1: 1, rs2: 3 });
    },
    "weight 0 keeps connections and takes no new ones": async (site) => {
      await fill(site, tool, "-s rr", [1, 1, 1]);
      const [kept] = await holdMany(site, 1);
      const { node } = site.servers.find((server) => server.node.name === kept)!;
      await runAll(site.director, [`ipvsadm -e ${SERVICE} -r ${node.address}:80 -g -w 0`]);
      assert.equal(Object.keys(await distribution(site, 6)).includes(kept!), false);
      assert.equal(await site.client.say("held0"), kept);
      const active = async (): Promise<number | undefined> =>
        (await destinationOf(site.director, `${VIP}:80`, `${node.address}:80`))?.activeConnections;
      assert.equal(await active(), 1);
      await dropMany(site, 1);
      await waitFor("the connection to end", async () => (await active()) === 0, PATIENCE_MS);
    },
  });
}
