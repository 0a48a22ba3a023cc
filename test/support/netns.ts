/**
 * Network namespaces for tests: a bridge namespace as the switch, nodes on it by veth pairs. `close` removes them; what a
 * run left that was cut short is removed by the next one with the same prefix. Needs root and iproute2.
 */
import { existsSync } from "node:fs";
import { mustRun, type StartOptions, startProcess, type TestProcess } from "./process.ts";
import { waitFor } from "./wait.ts";

/** True when this process may make namespaces: tests that need them skip otherwise. */
export const canMakeNamespaces = process.getuid?.() === 0 && Bun.which("ip") !== null;

export interface NetworkNode {
  readonly name: string;
  /** Full name of the namespace. */
  readonly namespace: string;
  /** The interface towards the switch, inside the namespace. */
  readonly interfaceName: string;
  readonly address: string;
  /** Runs a program in the namespace to its end; fails unless it ends with 0. Answers stdout. */
  readonly run: (command: readonly string[], timeoutMs?: number) => Promise<string>;
  /** Starts a program in the namespace (see `process.ts` for how it ends). */
  readonly start: (command: readonly string[], options?: StartOptions) => TestProcess;
  /** IPv4 addresses on the node's interface, with prefix length. */
  readonly addresses: () => Promise<readonly string[]>;
  /** IPv6 addresses there. */
  readonly addresses6: () => Promise<readonly string[]>;
}

export interface Network {
  readonly nodes: readonly NetworkNode[];
  readonly node: (name: string) => NetworkNode;
  /** Pulls or plugs the cable of a node at the switch: the node itself sees its carrier go. */
  readonly cable: (name: string, plugged: boolean) => Promise<void>;
  /** Takes the node's interface away; `addInterface` gives it a new one with another index. */
  readonly removeInterface: (name: string) => Promise<void>;
  readonly addInterface: (name: string) => Promise<void>;
  /** Removes everything; the processes inside must have ended. */
  readonly close: () => Promise<void>;
}

let counter = 0;

/** Namespaces of test processes that have ended without `close`. */
async function removeStale(prefix: string): Promise<void> {
  const listed = await mustRun(["ip", "netns", "list"]);
  for (const line of listed.split("\n")) {
    const [name] = line.split(" ");
    const owner = name.startsWith(prefix) ? name.slice(prefix.length).match(/^(\d+)x/) : null;
    if (owner !== null && !existsSync(`/proc/${owner[1]}`)) await mustRun(["ip", "netns", "del", name]);
  }
}

/**
 * Makes one switch and a node for each entry of `addresses` (`{ a: "192.0.2.1/24" }`), names starting with `prefix`.
 * The bridge forwards multicast to all ports (no snooping). Fails with iproute2's words, leaving nothing behind.
 */
export async function makeNetwork(prefix: string, addresses: Readonly<Record<string, string>>): Promise<Network> {
  await removeStale(prefix);
  const base = `${prefix}${process.pid}x${counter++}`;
  const hub = `${base}-hub`;
  const made: string[] = [];
  const addNamespace = async (name: string): Promise<void> => {
    await mustRun(["ip", "netns", "add", name]);
    made.push(name);
    await mustRun(["ip", "-n", name, "link", "set", "lo", "up"]);
  };
  const close = async (): Promise<void> => {
    for (const name of made.splice(0).reverse()) {
      await mustRun(["ip", "netns", "del", name]);
    }
  };
  try {
    await addNamespace(hub);
    const inHub = ["ip", "-n", hub];
    await mustRun([...inHub, "link", "add", "br0", "type", "bridge", "mcast_snooping", "0", "forward_delay", "0"]);
    await mustRun([...inHub, "link", "set", "br0", "up"]);
    const nodes: NetworkNode[] = [];
    for (const [name, address] of Object.entries(addresses)) {
      const namespace = `${base}-${name}`;
      await addNamespace(namespace);
      await connect(hub, namespace, name, address);
      nodes.push(networkNode(name, namespace, address));
    }
    const node = (name: string): NetworkNode => {
      const found = nodes.find((candidate) => candidate.name === name);
      if (found === undefined) throw new Error(`no node ${name}`);
      return found;
    };
    const cable = async (name: string, plugged: boolean): Promise<void> => {
      await mustRun(["ip", "-n", hub, "link", "set", `p-${name}`, plugged ? "up" : "down"]);
    };
    const removeInterface = async (name: string): Promise<void> => {
      await mustRun(["ip", "-n", node(name).namespace, "link", "del", "eth0"]);
    };
    const addInterface = (name: string): Promise<void> => connect(hub, node(name).namespace, name, addresses[name]);
    return { nodes, node, cable, removeInterface, addInterface, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function connect(hub: string, namespace: string, name: string, address: string): Promise<void> {
  const port = `p-${name}`;
  await mustRun(["ip", "-n", hub, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", namespace]);
  await mustRun(["ip", "-n", hub, "link", "set", port, "master", "br0", "up"]);
  await mustRun(["ip", "-n", namespace, "address", "add", address, "dev", "eth0"]);
  await mustRun(["ip", "-n", namespace, "link", "set", "eth0", "up"]);
  // The kernel tells of a carrier, and bridges forward to it, a moment later.
  await waitForLink(namespace, "eth0", "state UP");
  await waitForLink(hub, port, "bridge_slave state forwarding");
}

/** Until `ip -d link` shows these words of an interface. */
export async function waitForLink(namespace: string, name: string, words: string): Promise<void> {
  const show = ["ip", "-n", namespace, "-d", "-o", "link", "show", "dev", name];
  await waitFor(`${name} with ${words}`, async () => (await mustRun(show)).includes(words));
}

function networkNode(name: string, namespace: string, address: string): NetworkNode {
  const inside = ["ip", "netns", "exec", namespace];
  return {
    name,
    namespace,
    interfaceName: "eth0",
    address: address.split("/")[0],
    run: (command, timeoutMs) => mustRun([...inside, ...command], timeoutMs),
    start: (command, options) => startProcess([...inside, ...command], options),
    addresses: async () => {
      const text = await mustRun(["ip", "-n", namespace, "-4", "-o", "address", "show", "up"]);
      return [...text.matchAll(/eth0\s+inet (\S+)/g)].map((match) => match[1]);
    },
    addresses6: async () => {
      const text = await mustRun(["ip", "-n", namespace, "-6", "-o", "address", "show", "up"]);
      return [...text.matchAll(/eth0\s+inet6 (\S+)/g)].map((match) => match[1]);
    },
  };
}
