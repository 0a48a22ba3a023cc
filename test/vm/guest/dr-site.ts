/**
 * The site of the tutorial: a client, two directors and two real servers on one segment, the VIP on the real servers'
 * loopback with ARP silenced by hand, so that the real servers' side is the same for every program under test.
 */
import { makeNetwork, type Network, type NetworkNode } from "../../support/netns.ts";
import { type Agent, startAgent } from "./agent-orders.ts";
import type { Closable } from "./scenario.ts";
import { runAll } from "./shell.ts";

export const VIP = "192.168.168.12";
export const VIP6 = "2001:db8:168::12";
export const SERVICE_PORT = 80;
export const SERVICE = `${VIP}:${SERVICE_PORT}`;

const V4 = {
  client: "192.168.168.7",
  dr1: "192.168.168.100",
  dr2: "192.168.168.101",
  rs1: "192.168.168.102",
  rs2: "192.168.168.103",
} as const;

export interface DrSite extends Closable {
  readonly network: Network;
  readonly client: Agent;
  readonly clientNode: NetworkNode;
  readonly directors: readonly [NetworkNode, NetworkNode];
  readonly servers: readonly [RealServer, RealServer];
}

export interface RealServer {
  readonly node: NetworkNode;
  readonly agent: Agent;
}

/** What `lvs.dr.sh start` of the tutorials wants to do, with `all` instead of `lo` alone. */
export async function silenceVip(node: NetworkNode): Promise<void> {
  await runAll(node, [
    "sysctl -qw net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2",
    `ip address add ${VIP}/32 dev lo`,
    `ip address add ${VIP6}/128 dev lo nodad`,
  ]);
}

/** Second address of each node, for the IPv6 checks: the last byte is the same. */
export function address6(node: NetworkNode): string {
  return `2001:db8:168::${node.address.split(".")[3]}`;
}

/** Names a director's neighbour table gives for the VIP: who answered ARP for it. */
export async function vipNeighbour(node: NetworkNode): Promise<string> {
  const text = await node.run(["ip", "neighbour", "show", VIP, "dev", "eth0"]);
  return /lladdr (\S+)/.exec(text)?.[1] ?? "";
}

export async function macOf(node: NetworkNode): Promise<string> {
  return (await node.run(["cat", "/sys/class/net/eth0/address"])).trim();
}

export async function openDrSite(): Promise<DrSite> {
  const network = await makeNetwork(
    "dr",
    Object.fromEntries(Object.entries(V4).map(([name, ip]) => [name, `${ip}/24`])),
  );
  const addV6 = (node: NetworkNode): Promise<string> =>
    runAll(node, [`ip address add ${address6(node)}/64 dev eth0 nodad`]);
  await Promise.all(network.nodes.map(addV6));
  const [client, rs1, rs2] = await Promise.all(["client", "rs1", "rs2"].map((name) => startAgent(network.node(name))));
  const servers = [
    { node: network.node("rs1"), agent: rs1! },
    { node: network.node("rs2"), agent: rs2! },
  ] as const;
  for (const { node, agent } of servers) {
    await silenceVip(node);
    await agent.serve(SERVICE_PORT);
  }
  return {
    network,
    client: client!,
    clientNode: network.node("client"),
    directors: [network.node("dr1"), network.node("dr2")],
    servers,
    close: network.close,
  };
}
