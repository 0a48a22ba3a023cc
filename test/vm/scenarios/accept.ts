/** accept = false beside IPVS: the VIP takes no packets, and its virtual server goes on. */
import assert from "node:assert/strict";
import { waitFor } from "../../support/wait.ts";
import { type Agent, startAgent } from "../guest/agent-orders.ts";
import { type BallastDirector, directorFile, startBallast } from "../guest/ballast.ts";
import { type DrSite, openDrSite, SERVICE_PORT, VIP } from "../guest/dr-site.ts";
import { scenario } from "../guest/scenario.ts";
import { holdsAddress, tally } from "../guest/table.ts";

const PATIENCE_MS = 25_000;
/** Of a service on the director itself. */
const OWN_PORT = 81;

interface Site extends DrSite {
  readonly ballast: BallastDirector;
  readonly agent: Agent;
}

async function open(): Promise<Site> {
  const site = await openDrSite();
  const [director] = site.directors;
  const agent = await startAgent(director);
  await agent.serve(OWN_PORT);
  const realServers = site.servers.map(({ node }) => node.address);
  const file = directorFile({ master: true, realServers }).replace("[vrrp.VI_1]\n", "[vrrp.VI_1]\naccept = false\n");
  const ballast = await startBallast(director, file);
  await waitFor("the VIP", () => holdsAddress(director, VIP), PATIENCE_MS);
  return { ...site, ballast, agent };
}

export const acceptScenario = scenario("accept", open, {
  "a service on the director is reached at its own address only": async (site) => {
    const [director] = site.directors;
    assert.deepEqual(await site.client.ask(director.address, OWN_PORT), ["dr1"]);
    assert.notDeepEqual(await site.client.ask(VIP, OWN_PORT), ["dr1"]);
    assert.match(await director.run(["nft", "list", "ruleset"]), /ip daddr @vips4 counter packets [1-9]\d* bytes/);
  },
  "the virtual server on the VIP is reached, since IPVS takes its packets first": async (site) => {
    const served = async (): Promise<boolean> => {
      const names = tally(await site.client.ask(VIP, SERVICE_PORT, 4));
      return names["rs1"] === 2 && names["rs2"] === 2;
    };
    await waitFor("both real servers to answer", served, PATIENCE_MS);
  },
  "the service is reached at the VIP, too, when accept is left out": async (site) => {
    const realServers = site.servers.map(({ node }) => node.address);
    await site.ballast.stop();
    const ballast = await startBallast(site.directors[0], directorFile({ master: true, realServers }));
    await waitFor("the VIP", () => holdsAddress(site.directors[0], VIP), PATIENCE_MS);
    assert.deepEqual(await site.client.ask(VIP, OWN_PORT), ["dr1"]);
    assert.equal(await site.directors[0].run(["nft", "list", "ruleset"]), "");
    await ballast.stop();
  },
});
