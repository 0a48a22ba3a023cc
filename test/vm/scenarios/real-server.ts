/** `ballast realserver` on the wire: the VIP is served and nobody hears of it by ARP; afterwards all is as it was. */
import assert from "node:assert/strict";
import { run } from "../../support/process.ts";
import { ballast, mustBallast } from "../guest/ballast.ts";
import { startAgent } from "../guest/agent-orders.ts";
import { macOf } from "../guest/dr-site.ts";
import { makeNetwork, type NetworkNode } from "../../support/netns.ts";
import { type Closable, scenario } from "../guest/scenario.ts";
import { runAll } from "../guest/shell.ts";

const VIP = "192.0.2.10";
const VIP6 = "2001:db8::10";
const SYSCTLS = ["all", "lo", "eth0"].flatMap((name) => [
  `net.ipv4.conf.${name}.arp_ignore`,
  `net.ipv4.conf.${name}.arp_announce`,
]);

interface Site extends Closable {
  readonly real: NetworkNode;
  readonly client: NetworkNode;
  /** Sysctls and addresses before anything was done. */
  before: string;
}

/** Everything that `up` may change. */
function state(node: NetworkNode): Promise<string> {
  return runAll(node, [`sysctl ${SYSCTLS.join(" ")}`, "ip -o address show dev lo | sed 's/valid_lft.*//'"]);
}

async function openSite(): Promise<Site> {
  const network = await makeNetwork("rs", { client: "192.0.2.2/24", real: "192.0.2.3/24" });
  const real = network.node("real");
  const client = network.node("client");
  // Somebody set one of them before: it must come back.
  await runAll(real, ["sysctl -qw net.ipv4.conf.eth0.arp_announce=1"]);
  const agent = await startAgent(real);
  await agent.serve(80);
  return { real, client, before: await state(real), close: network.close };
}

/** Whether anybody answers ARP for the VIP, asked from the client's side. */
async function answersArp(site: Site): Promise<boolean> {
  await site.client.run(["ip", "neighbour", "flush", "dev", "eth0"]);
  const probe = ["busybox", "arping", "-I", "eth0", "-c", "2", "-w", "2", VIP];
  const { stdout } = await run(["ip", "netns", "exec", site.client.namespace, ...probe]);
  return /Unicast reply|reply from/i.test(stdout);
}

export const realServerScenario = scenario("real-server", openSite, {
  "without precautions a VIP on lo answers ARP": async (site) => {
    await runAll(site.real, [`ip address add ${VIP}/32 dev lo`]);
    assert.equal(await answersArp(site), true);
    await runAll(site.real, [`ip address del ${VIP}/32 dev lo`]);
  },
  "status says that nothing is set up": async (site) => {
    const { code } = await ballast(site.real, "realserver", "status", "--vip", VIP);
    assert.equal(code, 1);
  },
  "up --dry-run changes nothing and prints commands that do the same as up": async (site) => {
    const commands = await mustBallast(site.real, "realserver", "up", "--vip", VIP, "--vip", VIP6, "--dry-run");
    assert.equal(await state(site.real), site.before);
    await runAll(site.real, [commands]);
    const byCommands = await state(site.real);
    const undo = await mustBallast(site.real, "realserver", "down", "--vip", VIP, "--vip", VIP6, "--dry-run");
    await runAll(site.real, [undo]);
    await runAll(site.real, restoring(site.before));
    assert.equal(await state(site.real), site.before);
    await mustBallast(site.real, "realserver", "up", "--vip", VIP, "--vip", VIP6);
    assert.equal(await state(site.real), byCommands);
  },
  "after up the VIP is served and silent, and status proves it": async (site) => {
    assert.equal(await answersArp(site), false);
    const { code, stdout, stderr } = await ballast(site.real, "realserver", "status", "--vip", VIP, "--vip", VIP6);
    assert.equal(code, 0, `${stdout}${stderr}`);
    // As a director does it: the frame goes to the real server, whoever answers ARP.
    const mac = await macOf(site.real);
    await runAll(site.client, [`ip neighbour replace ${VIP} lladdr ${mac} dev eth0 nud permanent`]);
    assert.equal(await site.client.run(["curl", "-s", "-m", "5", `http://${VIP}/`]), "real\n");
    await runAll(site.client, [`ip neighbour del ${VIP} dev eth0`]);
  },
  "up again changes nothing": async (site) => {
    const first = await state(site.real);
    await mustBallast(site.real, "realserver", "up", "--vip", VIP, "--vip", VIP6);
    assert.equal(await state(site.real), first);
  },
  "status sees a sysctl that somebody turned back": async (site) => {
    await runAll(site.real, ["sysctl -qw net.ipv4.conf.all.arp_ignore=0 net.ipv4.conf.eth0.arp_ignore=0"]);
    const { code } = await ballast(site.real, "realserver", "status", "--vip", VIP);
    assert.equal(code, 1);
    assert.equal(await answersArp(site), true);
    await mustBallast(site.real, "realserver", "up", "--vip", VIP, "--vip", VIP6);
    assert.equal(await answersArp(site), false);
  },
  "down brings every value back": async (site) => {
    await mustBallast(site.real, "realserver", "down", "--vip", VIP, "--vip", VIP6);
    assert.equal(await state(site.real), site.before);
  },
  "down again is no mistake": async (site) => {
    await mustBallast(site.real, "realserver", "down", "--vip", VIP, "--vip", VIP6);
    assert.equal(await state(site.real), site.before);
  },
});

/** Commands that set the sysctls of a `state`. */
function restoring(text: string): string[] {
  return [...text.matchAll(/^(net\S+) = (\d+)$/gm)].map(([, name, value]) => `sysctl -qw ${name}=${value}`);
}
