/** A thousand real servers that go down at once and come back: what the director and its VRRP speaker make of it. */
import assert from "node:assert/strict";
import { waitFor } from "../../support/wait.ts";
import { type BallastDirector, startBallast } from "../guest/ballast.ts";
import { type DrSite, openDrSite, SERVICE, SERVICE_PORT, VIP } from "../guest/dr-site.ts";
import { scenario } from "../guest/scenario.ts";
import { runAll } from "../guest/shell.ts";
import { destinationsOf, holdsAddress } from "../guest/table.ts";

const SERVER_COUNT = 1000;
const PATIENCE_MS = 50_000;
/** All of them are one node, which takes the whole network as its own. */
const NETWORK = "10.9.0.0/16";

interface Site extends DrSite {
  readonly director: BallastDirector;
}

function file(): string {
  const servers = Array.from({ length: SERVER_COUNT }, (_, i) => `"10.9.${i >> 8}.${i & 255}:${SERVICE_PORT}"`);
  return `
[vrrp.VI_1]
interface = "eth0"
virtual_router_id = 51
advert_interval = "1s"
addresses = ["${VIP}/32"]

[virtual_server.web]
address = "${SERVICE}"
scheduler = "wrr"
inhibit_on_failure = true
check = { tcp = true, interval = "5s", timeout = "2s", retry = 0 }
real_servers = [${servers.join(", ")}]
`;
}

async function openSite(): Promise<Site> {
  const site = await openDrSite();
  const [dr] = site.directors;
  const [{ node }] = site.servers;
  await runAll(node, [`ip route add local ${NETWORK} dev lo`]);
  await runAll(dr, [`ip route add ${NETWORK} via ${node.address}`]);
  return { ...site, director: await startBallast(dr, file()) };
}

async function inService(site: Site): Promise<number> {
  return (await destinationsOf(site.directors[0], SERVICE)).filter(({ weight }) => weight > 0).length;
}

async function eventually(site: Site, what: string, condition: () => Promise<boolean>): Promise<void> {
  try {
    await waitFor(what, condition, PATIENCE_MS);
  } catch (error) {
    const now = `${await inService(site)} in service\n${site.director.log().slice(-3000)}`;
    throw new Error(`${error instanceof Error ? error.message : error}\n${now}`, { cause: error });
  }
}

async function transitions(site: Site): Promise<number | undefined> {
  return (await site.director.appliance.snapshot()).vrrp[0]?.transitions;
}

export const thousandScenario = scenario("thousand", openSite, {
  "a thousand real servers are in service": async (site) => {
    await eventually(site, "the VIP", () => holdsAddress(site.directors[0], VIP));
    await eventually(site, "all in service", async () => (await inService(site)) === SERVER_COUNT);
  },
  // The last one keeps its weight where there is no sorry server: a wrong alarm must not empty the service.
  "all of them down at once: all but the last are taken out, and the VIP stays": async (site) => {
    const before = await transitions(site);
    await site.servers[0].agent.stop(SERVICE_PORT);
    await eventually(site, "one left in service", async () => (await inService(site)) === 1);
    assert.equal(await transitions(site), before);
  },
  "all of them up again": async (site) => {
    const before = await transitions(site);
    await site.servers[0].agent.serve(SERVICE_PORT);
    await eventually(site, "all in service", async () => (await inService(site)) === SERVER_COUNT);
    assert.equal(await transitions(site), before);
  },
});
