/** VRRP on a VLAN: adverts, addresses and gratuitous ARP of `eth0.5` travel with the tag, and failover works there. */
import assert from "node:assert/strict";
import { makeNetwork, type NetworkNode } from "../../support/netns.ts";
import { waitFor } from "../../support/wait.ts";
import type { TestProcess } from "../../support/process.ts";
import { type BallastDirector, startBallast } from "../guest/ballast.ts";
import { type Closable, scenario } from "../guest/scenario.ts";
import { runAll } from "../guest/shell.ts";

const PATIENCE_MS = 20_000;
const VIP = "198.51.100.10";
const VLAN = "eth0.5";

interface Node {
  readonly node: NetworkNode;
  /** In the VLAN; the network below it has other addresses. */
  readonly address: string;
}

interface Site extends Closable {
  readonly a: Node;
  readonly b: Node;
  readonly client: NetworkNode;
  readonly cable: (name: string, plugged: boolean) => Promise<void>;
  /** What passes on the client's untagged interface, with link headers. */
  readonly capture: TestProcess;
  readonly directors: readonly BallastDirector[];
}

function file(priority: number): string {
  return `
[vrrp.tagged]
interface = "${VLAN}"
virtual_router_id = 51
priority = ${priority}
version = 3
advert_interval = "200ms"
addresses = ["${VIP}/24"]
garp = { delay = "1s" }
`;
}

function makeVlan(address: string): string[] {
  return [
    `ip link add link eth0 name ${VLAN} type vlan id 5`,
    `ip address add ${address}/24 dev ${VLAN}`,
    `ip link set ${VLAN} up`,
  ];
}

async function openSite(): Promise<Site> {
  const network = await makeNetwork("vl", { a: "192.0.2.1/24", b: "192.0.2.2/24", client: "192.0.2.7/24" });
  const [a, b, client] = network.nodes as [NetworkNode, NetworkNode, NetworkNode];
  const members = { a: { node: a, address: "198.51.100.1" }, b: { node: b, address: "198.51.100.2" } };
  await Promise.all([
    runAll(a, makeVlan(members.a.address)),
    runAll(b, makeVlan(members.b.address)),
    runAll(client, makeVlan("198.51.100.7")),
  ]);
  const capture = client.start(["tcpdump", "-l", "-n", "-e", "-i", "eth0"]);
  await capture.waitForOutput(/listening on/);
  const directors = await Promise.all([startBallast(a, file(150)), startBallast(b, file(100))]);
  return { ...members, client, cable: network.cable, capture, directors, close: network.close };
}

/** Answers whether the VIP is on the node's VLAN. */
async function leads({ node }: Node): Promise<boolean> {
  const text = await node.run(["ip", "-o", "-4", "address", "show"]);
  const line = text.split("\n").find((each) => each.includes(` ${VIP}/`));
  if (line !== undefined) assert.match(line, /^\d+: eth0\.5\s/);
  return line !== undefined;
}

async function leaderIs(site: Site, leader: Node, other: Node): Promise<void> {
  const words = `${leader.node.name} alone with the VIP`;
  await waitFor(words, async () => (await leads(leader)) && !(await leads(other)), PATIENCE_MS).catch((error) => {
    const said = site.directors.map((director) => director.log().slice(-1500)).join("\n");
    throw new Error(`${String(error)}\n${said}`);
  });
  await waitFor("the VIP to answer", () => site.client.run(["ping", "-c", "1", "-W", "1", VIP]), PATIENCE_MS);
  const neighbour = await site.client.run(["ip", "neighbour", "show", VIP, "dev", VLAN]);
  const mac = (await leader.node.run(["cat", `/sys/class/net/${VLAN}/address`])).trim();
  assert.ok(neighbour.includes(mac), `${neighbour} is not ${words}, ${mac}`);
}

function captured(site: Site, pattern: RegExp): readonly string[] {
  return site.capture
    .stdout()
    .split("\n")
    .filter((line) => pattern.test(line));
}

export const vlanScenario = scenario("vlan", openSite, {
  "the VIP is set on the VLAN's interface and answers there": (site) => leaderIs(site, site.a, site.b),
  "adverts and gratuitous ARP carry the tag, and none goes without": async (site) => {
    const adverts = await waitFor("three adverts", () => {
      const lines = captured(site, /VRRPv3, Advertisement/);
      return lines.length >= 3 && lines;
    });
    for (const line of adverts)
      assert.match(line, /ethertype 802\.1Q \(0x8100\).* vlan 5, p 0, .*198\.51\.100\.\d > 224/);
    const announcements = await waitFor("gratuitous ARP", () => {
      const lines = captured(site, new RegExp(`ARP.*who-has ${VIP} .*tell ${VIP}|ARP.*Reply ${VIP} is-at`));
      return lines.length > 0 && lines;
    });
    for (const line of announcements) assert.match(line, /ethertype 802\.1Q \(0x8100\).* vlan 5, /);
  },
  "a master whose VLAN interface goes down is followed by the other": async (site) => {
    await site.a.node.run(["ip", "link", "set", VLAN, "down"]);
    await leaderIs(site, site.b, site.a);
    await site.a.node.run(["ip", "link", "set", VLAN, "up"]);
    await leaderIs(site, site.a, site.b);
  },
  "a master whose cable is pulled below the VLAN is followed by the other": async (site) => {
    await site.cable("a", false);
    await leaderIs(site, site.b, site.a);
    await site.cable("a", true);
    await leaderIs(site, site.a, site.b);
  },
  "a VLAN interface that was removed and made anew is used again": async (site) => {
    await site.a.node.run(["ip", "link", "del", VLAN]);
    await leaderIs(site, site.b, site.a);
    await runAll(site.a.node, makeVlan(site.a.address));
    await leaderIs(site, site.a, site.b);
  },
});
