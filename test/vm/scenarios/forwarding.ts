/**
 * How packets reach real servers: NAT with another port, DR, the three tunnels, firewall marks, datagrams. The situations
 * of the kernel's own self-test for IPVS (client, director and real server in namespaces), with three real servers.
 */
import assert from "node:assert/strict";
import {
  disownVip,
  openRoutedSite,
  OTHER_PORT,
  ownVip,
  type RoutedSite,
  SERVER_PORT,
  VIP,
  VIP6,
} from "../guest/routed-site.ts";
import { scenario, type Scenario } from "../guest/scenario.ts";
import { tally } from "../guest/table.ts";
import { runAll } from "../guest/shell.ts";
import { clearTable, type TableTool } from "../guest/table-tool.ts";

const EVEN = { rs1: 2, rs2: 2, rs3: 2 };
const UDP_PORT = 53;
const MARK = 10;

/** A service on the VIP with all real servers, as rules. */
function rules(site: RoutedSite, service: string, port: number, options: string): string[] {
  return [
    `-A ${service} -s rr`,
    ...site.servers.map(({ node }) => `-a ${service} -r ${node.address}:${port} ${options}`),
  ];
}

async function onServers(site: RoutedSite, ...commands: readonly string[]): Promise<void> {
  await Promise.all(site.servers.map(({ node }) => runAll(node, commands)));
}

/** TCP through a tunnel that ends on `device` of each real server. */
async function throughTunnel(site: RoutedSite, tool: TableTool, device: string, options: string): Promise<void> {
  const filters = `sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.${device}.rp_filter=0`;
  await onServers(site, `ip link set ${device} up`, filters);
  await ownVip(site, device);
  await tool.restore(site.director, rules(site, `-t ${VIP}:80`, SERVER_PORT, `-i ${options}`));
  assert.deepEqual(tally(await site.client.ask(VIP, 80, 6)), EVEN);
  await disownVip(site, device);
  await clearTable(site.director);
}

export function forwardingScenario(name: string, tool: TableTool): Scenario {
  return scenario(name, openRoutedSite, {
    "NAT reaches real servers on another port and answers come from the VIP": async (site) => {
      await tool.restore(site.director, rules(site, `-t ${VIP}:80`, OTHER_PORT, "-m -w 1"));
      assert.deepEqual(tally(await site.client.ask(VIP, 80, 6)), EVEN);
      await clearTable(site.director);
    },
    "NAT carries datagrams": async (site) => {
      for (const { agent } of site.servers) await agent.serveUdp("0.0.0.0", UDP_PORT);
      await tool.restore(site.director, rules(site, `-u ${VIP}:${UDP_PORT}`, UDP_PORT, "-m -w 1"));
      assert.deepEqual(tally(await site.client.askUdp(VIP, UDP_PORT, 6)), EVEN);
      await clearTable(site.director);
    },
    "datagrams of one socket stay with a real server, with one-packet scheduling they do not": async (site) => {
      await ownVip(site, "lo");
      for (const { agent } of site.servers) await agent.serveUdp(VIP, UDP_PORT + 1);
      const [service, ...destinations] = rules(site, `-u ${VIP}:${UDP_PORT + 1}`, UDP_PORT + 1, "-g -w 1");
      await tool.restore(site.director, [service!, ...destinations]);
      const sticky = await site.client.askUdp(VIP, UDP_PORT + 1, 6, { oneSocket: true });
      assert.equal(new Set(sticky).size, 1, `answers came from ${sticky}`);
      await clearTable(site.director);
      await tool.restore(site.director, [`${service!} -o`, ...destinations]);
      assert.deepEqual(tally(await site.client.askUdp(VIP, UDP_PORT + 1, 6, { oneSocket: true })), EVEN);
      await disownVip(site, "lo");
      await clearTable(site.director);
    },
    "DR leaves the answer to the real server": async (site) => {
      await ownVip(site, "lo");
      await tool.restore(site.director, rules(site, `-t ${VIP}:80`, SERVER_PORT, "-g -w 1"));
      assert.deepEqual(tally(await site.client.ask(VIP, 80, 6)), EVEN);
      await clearTable(site.director);
    },
    "DR works in IPv6": async (site) => {
      await onServers(site, `ip address add ${VIP6}/128 dev lo nodad`);
      const service = `-t [${VIP6}]:80`;
      const servers = site.servers.map(({ address6 }) => `-a ${service} -r [${address6}]:${SERVER_PORT} -g -w 1`);
      await tool.restore(site.director, [`-A ${service} -s rr`, ...servers]);
      assert.deepEqual(tally(await site.client.ask(VIP6, 80, 6)), EVEN);
      await clearTable(site.director);
    },
    "a firewall mark binds two ports to one service": async (site) => {
      const rule = `ip daddr ${VIP} tcp dport { ${SERVER_PORT}, ${OTHER_PORT} } meta mark set ${MARK}`;
      const chain = `chain incoming { type filter hook prerouting priority mangle; ${rule}; }`;
      await site.director.run(["nft", `table ip lab { ${chain}; }`]);
      await tool.restore(site.director, rules(site, `-f ${MARK}`, 0, "-g -w 1"));
      const answers = [...(await site.client.ask(VIP, SERVER_PORT, 3)), ...(await site.client.ask(VIP, OTHER_PORT, 3))];
      assert.deepEqual(tally(answers), EVEN);
      await site.director.run(["nft", "delete", "table", "ip", "lab"]);
      await disownVip(site, "lo");
      await clearTable(site.director);
    },
    "TUN reaches real servers by IPIP": async (site) => {
      await throughTunnel(site, tool, "tunl0", "-w 1 --tun-type ipip");
    },
    "TUN reaches real servers by GUE": async (site) => {
      await onServers(site, "ip fou add port 6080 gue");
      await throughTunnel(site, tool, "tunl0", "-w 1 --tun-type gue --tun-port 6080");
    },
    "TUN reaches real servers by GRE": async (site) => {
      await throughTunnel(site, tool, "gre0", "-w 1 --tun-type gre");
    },
  });
}
