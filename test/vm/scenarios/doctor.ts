/** `ballast doctor dr` on sound and on broken sites: what it finds is what the wire shows, each with its remedy. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import type { NetworkNode } from "../../support/netns.ts";
import { waitFor } from "../../support/wait.ts";
import { ballast, directorFile, startBallast } from "../guest/ballast.ts";
import { type DrSite, openDrSite, SERVICE, VIP } from "../guest/dr-site.ts";
import { scenario } from "../guest/scenario.ts";
import { runAll } from "../guest/shell.ts";
import { destinationsOf, holdsAddress } from "../guest/table.ts";

const PATIENCE_MS = 25_000;
const REAL_SERVER_FILE = `[realserver]\nvips = ["${VIP}"]\n`;

interface Diagnosis {
  readonly code: number;
  readonly said: string;
}

async function doctor(node: NetworkNode, file: string): Promise<Diagnosis> {
  const path = `/tmp/doctor-${node.namespace}.toml`;
  writeFileSync(path, file);
  const { code, stdout, stderr } = await ballast(node, "-c", path, "doctor", "dr");
  return { code, said: `${stdout}${stderr}` };
}

function withServers(...realServers: readonly string[]): string {
  return directorFile({ master: true, realServers });
}

function sound(site: DrSite): string {
  return withServers(...site.servers.map(({ node }) => node.address));
}

/** Fails unless the doctor says that something cannot work, in these words. */
function assertBad({ code, said }: Diagnosis, words: RegExp): void {
  assert.equal(code, 1, said);
  assert.match(said, words);
}

/** Turns one real server's silence off while `work` looks. */
async function answeringArp(node: NetworkNode, work: () => Promise<void>): Promise<void> {
  await runAll(node, ["sysctl -qw net.ipv4.conf.all.arp_ignore=0"]);
  try {
    await work();
  } finally {
    await runAll(node, ["sysctl -qw net.ipv4.conf.all.arp_ignore=1"]);
  }
}

async function openSite(): Promise<DrSite> {
  const site = await openDrSite();
  const [director] = site.directors;
  await startBallast(director, sound(site));
  await waitFor("the VIP", () => holdsAddress(director, VIP), PATIENCE_MS);
  await waitFor("the service", async () => (await destinationsOf(director, SERVICE)).length === 2, PATIENCE_MS);
  return site;
}

export const doctorScenario = scenario("doctor", openSite, {
  "a sound director passes": async (site) => {
    const { code, said } = await doctor(site.directors[0], sound(site));
    assert.equal(code, 0, said);
    assert.doesNotMatch(said, /^BAD/m);
  },
  "a sound real server passes": async (site) => {
    const { code, said } = await doctor(site.servers[0].node, REAL_SERVER_FILE);
    assert.equal(code, 0, said);
  },
  "a real server that answers ARP for the VIP is named, on either side": async (site) => {
    const [{ node }] = site.servers;
    await answeringArp(node, async () => {
      const byDirector = await doctor(site.directors[0], sound(site));
      assertBad(byDirector, new RegExp(`BAD +.*${node.address.replaceAll(".", "\\.")}.* answers ARP for ${VIP}`));
      assertBad(await doctor(node, REAL_SERVER_FILE), /BAD +.*arp_ignore/);
    });
  },
  "a real server behind a router is named": async (site) => {
    const file = withServers("10.99.0.1", site.servers[1].node.address);
    assertBad(await doctor(site.directors[0], file), /BAD +.*10\.99\.0\.1.* is on no network of this machine/);
  },
  "a real server that is not there is named": async (site) => {
    const file = withServers("192.168.168.200", site.servers[1].node.address);
    assertBad(await doctor(site.directors[0], file), /BAD +.*192\.168\.168\.200.* does not answer ARP on eth0/);
  },
  "a VIP that two other machines hold is told": async (site) => {
    const others = [site.directors[1], site.clientNode];
    for (const node of others) await runAll(node, [`ip address add ${VIP}/32 dev eth0`]);
    assertBad(await doctor(site.directors[0], sound(site)), /BAD +.*several owners/);
    for (const node of others) await runAll(node, [`ip address del ${VIP}/32 dev eth0`]);
  },
  "strict rp_filter with answers by another interface is told": async (site) => {
    const { node } = site.servers[0];
    await runAll(node, [
      "ip link add out0 type dummy",
      "ip address add 172.31.0.1/24 dev out0",
      "ip link set out0 up",
      "ip route add default via 172.31.0.254",
      "sysctl -qw net.ipv4.conf.eth0.rp_filter=1",
    ]);
    assertBad(await doctor(node, REAL_SERVER_FILE), /BAD +.*rp_filter of eth0 is strict/);
    await runAll(node, ["ip link del out0", "sysctl -qw net.ipv4.conf.eth0.rp_filter=0"]);
  },
});
