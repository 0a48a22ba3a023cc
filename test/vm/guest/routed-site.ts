/**
 * A client, a director and three real servers in two subnets on one segment, for what the kernel's own IPVS self-test
 * covers and more. Real servers have no way to the client's subnet but through the director, until a check gives them one.
 */
import { makeNetwork, type Network, type NetworkNode } from "../../support/netns.ts";
import { type Agent, startAgent } from "./agent-orders.ts";
import type { Closable } from "./scenario.ts";
import { runAll } from "./shell.ts";

export const VIP = "192.0.2.10";
export const VIP6 = "2001:db8::10";
export const CLIENT = "192.0.2.2";
/** Other addresses of the client: one more in its /24, and one outside it. */
export const CLIENT_NEAR = "192.0.2.66";
export const CLIENT_FAR = "203.0.113.2";
const DIRECTOR_INSIDE = "198.51.100.1";
export const SERVER_PORT = 80;
export const OTHER_PORT = 8080;

export interface RoutedSite extends Closable {
  readonly network: Network;
  readonly director: NetworkNode;
  readonly client: Agent;
  readonly servers: readonly RoutedServer[];
}

export interface RoutedServer {
  readonly node: NetworkNode;
  readonly agent: Agent;
  readonly address6: string;
}

/** The nodes share one network in IPv6. */
function address6(index: number): string {
  return `2001:db8::${index + 1}`;
}

const SERVERS = ["rs1", "rs2", "rs3"] as const;

export async function openRoutedSite(): Promise<RoutedSite> {
  const network = await makeNetwork("rt", {
    client: `${CLIENT}/24`,
    director: "192.0.2.1/24",
    rs1: "198.51.100.11/24",
    rs2: "198.51.100.12/24",
    rs3: "198.51.100.13/24",
  });
  const [client, ...agents] = await Promise.all(["client", ...SERVERS].map((name) => startAgent(network.node(name))));
  await Promise.all(
    network.nodes.map((node, index) => runAll(node, [`ip address add ${address6(index)}/64 dev eth0 nodad`])),
  );
  await runAll(network.node("client"), [
    `ip address add ${CLIENT_NEAR}/24 dev eth0`,
    `ip address add ${CLIENT_FAR}/32 dev eth0`,
  ]);
  const director = network.node("director");
  await runAll(director, [
    `ip address add ${DIRECTOR_INSIDE}/24 dev eth0`,
    `ip address add ${VIP}/32 dev eth0`,
    `ip address add ${VIP6}/128 dev eth0 nodad`,
    `ip route add ${CLIENT_FAR}/32 dev eth0`,
    "sysctl -qw net.ipv4.ip_forward=1",
    // One segment for both sides: without this the director would tell both of the direct way.
    "sysctl -qw net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.eth0.send_redirects=0",
  ]);
  const servers = SERVERS.map((name, index) => ({
    node: network.node(name),
    agent: agents[index]!,
    address6: address6(network.nodes.indexOf(network.node(name))),
  }));
  await Promise.all(servers.map(prepareServer));
  return { network, director, client: client!, servers, close: network.close };
}

async function prepareServer({ node, agent }: RoutedServer): Promise<void> {
  await runAll(node, [
    `ip route add default via ${DIRECTOR_INSIDE}`,
    "sysctl -qw net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2",
  ]);
  await agent.serve(SERVER_PORT);
  await agent.serve(OTHER_PORT);
}

const CLIENT_SUBNETS = ["192.0.2.0/24", `${CLIENT_FAR}/32`];

/** Real servers answer clients directly, as DR and TUN want it, with the VIP on `device`. */
export async function ownVip(site: RoutedSite, device: string): Promise<void> {
  const commands = (node: NetworkNode): string[] => [
    `ip address replace ${VIP}/32 dev ${device}`,
    ...CLIENT_SUBNETS.map((subnet) => `ip route replace ${subnet} dev eth0 src ${node.address}`),
  ];
  await Promise.all(site.servers.map(({ node }) => runAll(node, commands(node))));
}

/** Undoes `ownVip`. */
export async function disownVip(site: RoutedSite, device: string): Promise<void> {
  const commands = [
    `ip address del ${VIP}/32 dev ${device}`,
    ...CLIENT_SUBNETS.map((subnet) => `ip route del ${subnet}`),
  ];
  await Promise.all(site.servers.map(({ node }) => runAll(node, commands)));
}
