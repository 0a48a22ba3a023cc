/** The design that scales past one machine, as in test/examples/lvs-dr-two-tier: two directors, two proxies, two web servers. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../../support/binary.ts";
import { makeNetwork, type NetworkNode } from "../../support/netns.ts";
import { waitFor } from "../../support/wait.ts";
import { startAgent } from "../guest/agent-orders.ts";
import { type BallastDirector, mustBallast, startBallast } from "../guest/ballast.ts";
import { VIP } from "../guest/dr-site.ts";
import { type Closable, scenario } from "../guest/scenario.ts";
import { runAll } from "../guest/shell.ts";
import { holdsAddress, tally } from "../guest/table.ts";

/** Twenty processes start at once. */
const PATIENCE_MS = 40_000;
const WEB_PORT = 8080;
const EXAMPLE = join(projectRoot, "test/examples/lvs-dr-two-tier");

const NODES = {
  client: "192.168.168.7/24",
  dr1: "192.168.168.100/24",
  dr2: "192.168.168.101/24",
  px1: "192.168.168.102/24",
  px2: "192.168.168.103/24",
  web1: "192.168.168.111/24",
  web2: "192.168.168.112/24",
} as const;

interface Site extends Closable {
  readonly client: NetworkNode;
  readonly directors: readonly { readonly node: NetworkNode; readonly running: BallastDirector }[];
  readonly proxies: readonly BallastDirector[];
}

async function openSite(): Promise<Site> {
  const network = await makeNetwork("tt", NODES);
  const example = (name: string): string => readFileSync(join(EXAMPLE, `${name}.toml`), "utf8");
  for (const name of ["web1", "web2"]) await (await startAgent(network.node(name))).serve(WEB_PORT);
  const proxies: BallastDirector[] = [];
  for (const name of ["px1", "px2"]) {
    await mustBallast(network.node(name), "-c", join(EXAMPLE, "proxy.toml"), "realserver", "up");
    proxies.push(await startBallast(network.node(name), example("proxy")));
  }
  const directors: Site["directors"][number][] = [];
  for (const name of ["dr1", "dr2"]) {
    const node = network.node(name);
    directors.push({ node, running: await startBallast(node, example("director")) });
  }
  return { client: network.node("client"), directors, proxies, close: network.close };
}

/** Which web server answered each of `count` requests; curl's exit code for one that failed. */
async function get(site: Site, count: number): Promise<readonly string[]> {
  const once = `curl -s -m 3 http://${VIP}/ || echo "curl$?"`;
  const text = await runAll(site.client, [`for i in $(seq ${count}); do ${once}; done`]);
  return text.trim().split("\n");
}

function leader(site: Site): Promise<Site["directors"][number]> {
  return waitFor(
    "a director with the VIP",
    async () => {
      for (const director of site.directors) if (await holdsAddress(director.node, VIP)) return director;
      return null;
    },
    PATIENCE_MS,
  );
}

async function servedByBoth(site: Site): Promise<boolean> {
  const answers = tally(await get(site, 4));
  return answers["web1"] === 2 && answers["web2"] === 2;
}

export const twoTierScenario = scenario("two-tier", openSite, {
  "requests to the VIP reach every web server": async (site) => {
    await leader(site);
    await waitFor("answers of both web servers", () => servedByBoth(site), PATIENCE_MS);
  },
  "a stopped proxy is noticed, its clients are served by the other": async (site) => {
    await site.proxies[0]!.stop();
    await waitFor(
      "answers without errors",
      async () => (await get(site, 6)).every((answer) => /^web[12]$/.test(answer)),
      PATIENCE_MS,
    );
  },
  "the other director takes over": async (site) => {
    const first = await leader(site);
    await first.running.stop();
    const second = await leader(site);
    assert.notEqual(second.node.name, first.node.name);
    await waitFor(
      "answers without errors",
      async () => (await get(site, 6)).every((answer) => /^web[12]$/.test(answer)),
      PATIENCE_MS,
    );
  },
});
