/** What becomes of traffic when a director is killed, reloaded, edited by hand, or loses all real servers. */
import assert from "node:assert/strict";
import { signalPid, supervisorPid } from "../../support/appliance.ts";
import { waitFor } from "../../support/wait.ts";
import { type Agent, startAgent } from "../guest/agent-orders.ts";
import { type BallastDirector, startBallast } from "../guest/ballast.ts";
import { type DrSite, openDrSite, SERVICE, SERVICE_PORT, silenceVip, VIP } from "../guest/dr-site.ts";
import { scenario } from "../guest/scenario.ts";
import { runAll } from "../guest/shell.ts";
import { destinationsOf, holdsAddress, tally } from "../guest/table.ts";

const PATIENCE_MS = 25_000;
const FOREIGN = ["-A -t 192.168.168.99:80 -s rr", "-a -t 192.168.168.99:80 -r 192.168.168.102:80 -g -w 7"];

interface DirectorSite extends DrSite {
  director: BallastDirector;
  /** Answers when no real server does. */
  readonly sorry: Agent;
}

/** One director that always leads; `servers` as they stand in the file. */
function file(servers: readonly string[]): string {
  return `
[vrrp.VI_1]
interface = "eth0"
virtual_router_id = 51
advert_interval = "1s"
addresses = ["${VIP}/32"]

[virtual_server.web]
address = "${SERVICE}"
scheduler = "rr"
check = { tcp = true, interval = "500ms", timeout = "3s", retry = 1, delay_before_retry = "500ms" }
sorry_server = "192.168.168.101:${SERVICE_PORT}"
real_servers = [${servers.map((address) => `"${address}:${SERVICE_PORT}"`).join(", ")}]

[ipvs]
drain_timeout = "4s"
`;
}

function allServers(site: DrSite): readonly string[] {
  return site.servers.map(({ node }) => node.address);
}

async function eventually(site: DirectorSite, what: string, condition: () => Promise<boolean>): Promise<void> {
  try {
    await waitFor(what, condition, PATIENCE_MS);
  } catch (error) {
    const table = await site.directors[0].run(["ipvsadm", "-Ln"]);
    const said = site.director.log().slice(-3000);
    throw new Error(`${error instanceof Error ? error.message : error}\n${table}\n${said}`, { cause: error });
  }
}

/** Names of the real servers that get new connections; one that drains is still in the table. */
async function serving(site: DirectorSite): Promise<string> {
  const active = (await destinationsOf(site.directors[0], SERVICE)).filter(({ weight }) => weight > 0);
  const nodes = [...site.servers.map(({ node }) => node), site.directors[1]];
  const nameOf = (address: string): string | undefined =>
    nodes.find((node) => address === `${node.address}:${SERVICE_PORT}`)?.name;
  return active
    .map(({ address }) => nameOf(address) ?? address)
    .sort()
    .join(" ");
}

async function listed(site: DirectorSite): Promise<number> {
  return (await destinationsOf(site.directors[0], SERVICE)).length;
}

function servedBy(site: DirectorSite, names: string): Promise<void> {
  return eventually(site, `${names} in service`, async () => (await serving(site)) === names);
}

/** Connections that the kernel has counted for the service: 0 again when somebody made it anew. */
async function countedConnections(site: DirectorSite): Promise<number> {
  const stats = await site.directors[0].run(["ipvsadm", "-Ln", "--stats", "--exact"]);
  return Number(/^TCP +\S+:80 +(\d+)/m.exec(stats)?.[1] ?? 0);
}

async function openSite(): Promise<DirectorSite> {
  const site = await openDrSite();
  const spare = site.directors[1];
  const sorry = await startAgent(spare);
  await silenceVip(spare);
  await sorry.serve(SERVICE_PORT);
  await runAll(
    site.directors[0],
    FOREIGN.map((rule) => `ipvsadm ${rule}`),
  );
  const director = await startBallast(site.directors[0], file(allServers(site)));
  return { ...site, director, sorry };
}

export const directorScenario = scenario("director", openSite, {
  "a new director serves": async (site) => {
    await eventually(site, "the VIP", () => holdsAddress(site.directors[0], VIP));
    await servedBy(site, "rs1 rs2");
    assert.deepEqual(tally(await site.client.ask(VIP, SERVICE_PORT, 6)), { rs1: 3, rs2: 3 });
  },
  "a killed director role costs no connection, and the next one checks again": async (site) => {
    await site.client.hold("kept", VIP, SERVICE_PORT);
    const { appliance } = site.director;
    const pid = appliance.pidOf("director");
    signalPid(pid, "SIGKILL");
    assert.deepEqual(tally(await site.client.ask(VIP, SERVICE_PORT, 4)), { rs1: 2, rs2: 2 });
    await appliance.nextOf("director", pid);
    assert.match(await site.client.say("kept"), /^rs/);
    await site.servers[0].agent.stop(SERVICE_PORT);
    await servedBy(site, "rs2");
    await site.servers[0].agent.serve(SERVICE_PORT);
    await servedBy(site, "rs1 rs2");
  },
  "a killed appliance leaves the table, and the next one adopts it": async (site) => {
    await site.client.hold("adopted", VIP, SERVICE_PORT);
    assert.match(await site.client.say("adopted"), /^rs/);
    await waitFor("counted connections", async () => (await countedConnections(site)) > 0, PATIENCE_MS);
    const before = await countedConnections(site);
    signalPid(supervisorPid(site.director.appliance), "SIGKILL");
    await site.director.appliance.process.exited;
    assert.equal(await serving(site), "rs1 rs2");
    site.director = await startBallast(site.directors[0], file(allServers(site)));
    await servedBy(site, "rs1 rs2");
    assert.ok((await countedConnections(site)) >= before, "the service was made anew");
    await eventually(site, "the VIP", () => holdsAddress(site.directors[0], VIP));
    assert.match(await site.client.say("adopted"), /^rs/);
    assert.deepEqual(tally(await site.client.ask(VIP, SERVICE_PORT, 4)), { rs1: 2, rs2: 2 });
  },
  "a real server that somebody removed by hand is put back": async (site) => {
    await runAll(site.directors[0], [`ipvsadm -d -t ${SERVICE} -r ${site.servers[0].node.address}:${SERVICE_PORT}`]);
    await servedBy(site, "rs1 rs2");
  },
  "without a quorum the sorry server answers, and steps back": async (site) => {
    for (const { agent } of site.servers) await agent.stop(SERVICE_PORT);
    await servedBy(site, "dr2");
    assert.deepEqual(tally(await site.client.ask(VIP, SERVICE_PORT, 2)), { dr2: 2 });
    for (const { agent } of site.servers) await agent.serve(SERVICE_PORT);
    await servedBy(site, "rs1 rs2");
    assert.deepEqual(tally(await site.client.ask(VIP, SERVICE_PORT, 4)), { rs1: 2, rs2: 2 });
  },
  "a real server that left the file drains: its connection goes on, new ones go elsewhere": async (site) => {
    await site.client.hold("drained", VIP, SERVICE_PORT);
    const name = await site.client.say("drained");
    const stays = site.servers.find(({ node }) => node.name !== name)!.node;
    const { appliance } = site.director;
    appliance.write(file([stays.address]));
    const { code, stderr } = await appliance.cli(["reload"], PATIENCE_MS);
    assert.equal(code, 0, stderr);
    assert.deepEqual(tally(await site.client.ask(VIP, SERVICE_PORT, 4)), { [stays.name]: 4 });
    assert.equal(await site.client.say("drained"), name);
    await eventually(site, "the drained server to be gone", async () => (await listed(site)) === 1);
  },
  "entries of somebody else are as they were": async (site) => {
    const saved = await site.directors[0].run(["ipvsadm", "-S", "-n"]);
    for (const rule of FOREIGN) assert.ok(saved.includes(rule), `${rule} is gone:\n${saved}`);
  },
  "a stopped appliance keeps the table by default": async (site) => {
    await site.director.stop();
    assert.equal(await listed(site), 1);
  },
});
