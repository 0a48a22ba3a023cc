/**
 * The network of `demo --ha`: three namespaces of this run, nothing of it visible outside.
 *
 *   net: bridge br0 10.77.0.1, the client and the toy backends
 *   a, b: eth0 10.77.0.2 and 10.77.0.3, each on a port of the bridge
 */
import { existsSync } from "node:fs";
import { runCommand } from "./children.ts";
import { DemoError } from "./stage.ts";

export const CLIENT_ADDRESS = "10.77.0.1";
export const VIP = "10.77.0.100";
export const PREFIX_LENGTH = 24;
export const NODE_INTERFACE = "eth0";

const NAME_PREFIX = "ballast-demo-";
export const nodeNames = ["a", "b"] as const;
export type NodeName = (typeof nodeNames)[number];
export type Place = NodeName | "net";

/** Debian keeps ip in /usr/sbin, which a plain su leaves out of PATH. */
const ENVIRONMENT = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" };

const nodeAddresses: Readonly<Record<NodeName, string>> = { a: "10.77.0.2", b: "10.77.0.3" };

export interface Network {
  /** What stands before a command that is to run there. */
  readonly within: (place: Place) => readonly string[];
  /** As a power cut does it: every process there ends at once and the cable is dead. */
  readonly cutPower: (node: NodeName) => Promise<void>;
  /** As after a boot: the cable works, no address but the node's own. */
  readonly boot: (node: NodeName) => Promise<void>;
  readonly remove: () => Promise<void>;
}

async function ip(line: string): Promise<string> {
  const done = await runCommand(["ip", ...line.split(" ")], ENVIRONMENT);
  if (done.code !== 0) throw new DemoError(`ip ${line}: ${done.stderr.trim()}`);
  return done.stdout;
}

/** Namespaces of earlier runs whose process no longer exists (SIGKILL leaves them). */
async function removeStale(): Promise<void> {
  for (const line of (await ip("netns list")).split("\n")) {
    const name = line.split(" ", 1)[0] ?? "";
    const match = /^ballast-demo-(\d+)-(?:a|b|net)$/.exec(name);
    if (match !== null && !existsSync(`/proc/${match[1]}`)) await ip(`netns del ${name}`);
  }
}

/** Needs root. Everything hangs on the namespaces: deleting them deletes links, bridge and addresses. */
export async function makeNetwork(): Promise<Network> {
  const nameOf = (place: Place): string => `${NAME_PREFIX}${process.pid}-${place}`;
  const network: Network = {
    within: (place) => ["ip", "netns", "exec", nameOf(place)],
    cutPower: async (node) => {
      await killAll(nameOf(node));
      await ip(`-n ${nameOf("net")} link set port-${node} down`);
    },
    boot: async (node) => {
      await ip(`-n ${nameOf(node)} addr flush dev ${NODE_INTERFACE}`);
      await ip(`-n ${nameOf(node)} addr add ${nodeAddresses[node]}/${PREFIX_LENGTH} dev ${NODE_INTERFACE}`);
      await ip(`-n ${nameOf("net")} link set port-${node} up`);
    },
    remove: async () => {
      for (const place of [...nodeNames, "net"] as const) {
        await killAll(nameOf(place));
        await runCommand(["ip", "netns", "del", nameOf(place)], ENVIRONMENT);
      }
    },
  };
  await removeStale();
  try {
    await build(nameOf);
  } catch (error) {
    await network.remove();
    throw error;
  }
  return network;
}

async function build(nameOf: (place: Place) => string): Promise<void> {
  const net = nameOf("net");
  await ip(`netns add ${net}`);
  await ip(`-n ${net} link set lo up`);
  await ip(`-n ${net} link add br0 type bridge`);
  await ip(`-n ${net} addr add ${CLIENT_ADDRESS}/${PREFIX_LENGTH} dev br0`);
  await ip(`-n ${net} link set br0 up`);
  for (const node of nodeNames) {
    await ip(`netns add ${nameOf(node)}`);
    await ip(`-n ${net} link add port-${node} type veth peer name ${NODE_INTERFACE} netns ${nameOf(node)}`);
    await ip(`-n ${net} link set port-${node} master br0`);
    await ip(`-n ${net} link set port-${node} up`);
    await ip(`-n ${nameOf(node)} link set lo up`);
    await ip(`-n ${nameOf(node)} addr add ${nodeAddresses[node]}/${PREFIX_LENGTH} dev ${NODE_INTERFACE}`);
    await ip(`-n ${nameOf(node)} link set ${NODE_INTERFACE} up`);
  }
}

async function killAll(namespace: string): Promise<void> {
  const { stdout } = await runCommand(["ip", "netns", "pids", namespace], ENVIRONMENT);
  for (const word of stdout.split("\n")) {
    const pid = Number(word);
    if (pid > 0 && pid !== process.pid) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // Ended in between.
      }
    }
  }
}
