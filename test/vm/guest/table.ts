/** The kernel's IPVS table as ipvsadm tells it: the oracle, whichever program filled it. */
import type { NetworkNode } from "../../support/netns.ts";

export interface Destination {
  /** address:port */
  readonly address: string;
  /** Route, Masq, Tunnel, Local */
  readonly forward: string;
  readonly weight: number;
  readonly activeConnections: number;
  readonly inactiveConnections: number;
}

export function listing(node: NetworkNode): Promise<string> {
  return node.run(["ipvsadm", "-L", "-n"]);
}

/** Real servers of a service (`192.0.2.10:80`, or `FWM  10`), in the kernel's order; none when there is no such service. */
export async function destinationsOf(node: NetworkNode, service: string): Promise<readonly Destination[]> {
  const lines = (await listing(node)).split("\n");
  const start = lines.findIndex((line) => /^[A-Z]/.test(line) && line.includes(`${service} `));
  const found: Destination[] = [];
  if (start < 0) return found;
  for (const line of lines.slice(start + 1)) {
    const match = /^ {2}-> (\S+) +(\w+) +(\d+) +(\d+) +(\d+)/.exec(line);
    if (match === null) break;
    found.push({
      address: match[1]!,
      forward: match[2]!,
      weight: Number(match[3]),
      activeConnections: Number(match[4]),
      inactiveConnections: Number(match[5]),
    });
  }
  return found;
}

/** One real server (`198.51.100.11:80`) of a service; undefined when the kernel has none such. */
export async function destinationOf(
  node: NetworkNode,
  service: string,
  address: string,
): Promise<Destination | undefined> {
  return (await destinationsOf(node, service)).find((destination) => destination.address === address);
}

export async function holdsAddress(node: NetworkNode, address: string): Promise<boolean> {
  return (await node.addresses()).some((held) => held.startsWith(`${address}/`));
}

/** How often each name occurs. */
export function tally(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of [...names].sort()) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
