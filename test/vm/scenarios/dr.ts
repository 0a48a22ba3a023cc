/** The tutorial's LVS-DR pair, with keepalived as the reference and with Ballast: what its users see. */
import assert from "node:assert/strict";
import { waitFor } from "../../support/wait.ts";
import type { DirectorProgram, DirectorSettings, RunningDirector } from "../guest/director-program.ts";
import { type DrSite, macOf, openDrSite, SERVICE, SERVICE_PORT, VIP, vipNeighbour } from "../guest/dr-site.ts";
import { scenario, type Scenario } from "../guest/scenario.ts";
import { destinationsOf, holdsAddress, tally } from "../guest/table.ts";

/** Detection takes a few check intervals, takeover three adverts; the machine is slow. */
const PATIENCE_MS = 25_000;

interface Pair extends DrSite {
  readonly program: DirectorProgram;
  /** Of the director that is preferred as master. */
  readonly settings: DirectorSettings;
  readonly running: [RunningDirector, RunningDirector];
}

async function openPair(program: DirectorProgram, other: DirectorProgram): Promise<Pair> {
  const site = await openDrSite();
  const realServers = site.servers.map(({ node }) => node.address);
  const settings = { master: true, realServers };
  const first = await program.start(site.directors[0], settings);
  const second = await other.start(site.directors[1], { master: false, realServers });
  return { ...site, program, settings, running: [first, second] };
}

/** As `waitFor`, with what both directors said when it does not come true. */
async function eventually(site: Pair, what: string, condition: () => Promise<boolean>): Promise<void> {
  try {
    await waitFor(what, condition, PATIENCE_MS);
  } catch (error) {
    const logs = site.running.map((director, index) => `dr${index + 1}:\n${director.log().slice(-3000)}`);
    throw new Error(`${error instanceof Error ? error.message : error}\n${logs.join("\n")}`, { cause: error });
  }
}

/** `program` on the director that prefers to lead, `other` on its backup. */
export function drScenario(name: string, program: DirectorProgram, other = program): Scenario {
  return scenario(name, () => openPair(program, other), {
    "the master holds the VIP, the backup does not": async (site) => {
      await eventually(site, "the VIP on dr1", () => holdsAddress(site.directors[0], VIP));
      assert.equal(await holdsAddress(site.directors[1], VIP), false);
    },
    "both directors have the service with both real servers": async (site) => {
      for (const director of site.directors) {
        await eventually(site, `two real servers on ${director.name}`, async () => {
          const weights = (await destinationsOf(director, SERVICE)).map(
            ({ forward, weight }) => `${forward} ${weight}`,
          );
          return weights.join() === "Route 1,Route 1";
        });
      }
    },
    "round robin sends a client to the real servers in turn": async (site) => {
      assert.deepEqual(tally(await site.client.ask(VIP, SERVICE_PORT, 10)), { rs1: 5, rs2: 5 });
    },
    "only the director answers ARP for the VIP": async (site) => {
      await site.clientNode.run(["ip", "neighbour", "flush", "dev", "eth0"]);
      await site.client.ask(VIP, SERVICE_PORT);
      assert.equal(await vipNeighbour(site.clientNode), await macOf(site.directors[0]));
    },
    "a real server that stops answering gets no more connections": async (site) => {
      await site.servers[0].agent.stop(SERVICE_PORT);
      await eventually(site, "rs1 out of service on dr1", async () => {
        const active = (await destinationsOf(site.directors[0], SERVICE)).filter(({ weight }) => weight > 0);
        return active.map(({ address }) => address).join() === `${site.servers[1].node.address}:${SERVICE_PORT}`;
      });
      assert.deepEqual(tally(await site.client.ask(VIP, SERVICE_PORT, 6)), { rs2: 6 });
    },
    "a real server that answers again gets connections again": async (site) => {
      await site.servers[0].agent.serve(SERVICE_PORT);
      await eventually(site, "two weighted real servers on dr1", async () => {
        const active = (await destinationsOf(site.directors[0], SERVICE)).filter(({ weight }) => weight > 0);
        return active.length === 2;
      });
      assert.deepEqual(tally(await site.client.ask(VIP, SERVICE_PORT, 6)), { rs1: 3, rs2: 3 });
    },
    "the backup's kernel knows the master's connections": async (site) => {
      await site.client.hold("kept", VIP, SERVICE_PORT);
      // The kernel tells the backup of a connection after its third packet.
      for (let line = 0; line < 4; line++) assert.match(await site.client.say("kept"), /^rs/);
      const known = (): Promise<string> => site.directors[1].run(["ipvsadm", "-Lnc"]);
      await eventually(site, "the connection on dr2", async () => /ESTABLISHED/.test(await known()));
    },
    "the backup serves when the master stops": async (site) => {
      await site.running[0].stop();
      await eventually(site, "the VIP on dr2", () => holdsAddress(site.directors[1], VIP));
      assert.equal(await holdsAddress(site.directors[0], VIP), false);
      assert.deepEqual(tally(await site.client.ask(VIP, SERVICE_PORT, 6)), { rs1: 3, rs2: 3 });
      assert.equal(await vipNeighbour(site.clientNode), await macOf(site.directors[1]));
    },
    "a connection through the master goes on through the backup": async (site) => {
      assert.match(await site.client.say("kept"), /^rs/);
    },
    "the master takes over again when it is back": async (site) => {
      site.running[0] = await site.program.start(site.directors[0], site.settings);
      await eventually(site, "the VIP on dr1", () => holdsAddress(site.directors[0], VIP));
      await eventually(site, "no VIP on dr2", async () => !(await holdsAddress(site.directors[1], VIP)));
      assert.deepEqual(tally(await site.client.ask(VIP, SERVICE_PORT, 6)), { rs1: 3, rs2: 3 });
      assert.match(await site.client.say("kept"), /^rs/);
    },
  });
}
