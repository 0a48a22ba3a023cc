/** What an agent in a namespace can be told, and the caller's side of it. */
import type { NetworkNode } from "../../support/netns.ts";
import { resolve } from "node:path";

export type AgentOrder =
  | { readonly kind: "serve" | "stop"; readonly port: number }
  | { readonly kind: "serve-udp"; readonly address: string; readonly port: number }
  | {
      readonly kind: "ask";
      readonly address: string;
      readonly port: number;
      readonly count: number;
      readonly from?: string;
    }
  | {
      readonly kind: "ask-udp";
      readonly address: string;
      readonly port: number;
      readonly count: number;
      readonly oneSocket: boolean;
    }
  | { readonly kind: "hold"; readonly id: string; readonly address: string; readonly port: number }
  | { readonly kind: "say" | "drop"; readonly id: string };

const READY_MS = 20_000;

/** `namespace` keeps agents of several sites apart. */
export function agentSocket(name: string, namespace: string): string {
  return `/tmp/agent-${namespace}-${name}.sock`;
}

export interface Agent {
  readonly name: string;
  /** Listens on all addresses of both families; answers `NAME what was sent`, and GET with 200 and the name. */
  readonly serve: (port: number) => Promise<void>;
  /** Answers datagrams with the name; bound to one address, as answers leave with that one. */
  readonly serveUdp: (address: string, port: number) => Promise<void>;
  /** Closes the listener and its connections. */
  readonly stop: (port: number) => Promise<void>;
  /** Names of the servers that answered `count` connections, or an error's code, in order. */
  readonly ask: (address: string, port: number, count?: number, from?: string) => Promise<readonly string[]>;
  /** The same with datagrams, each from a port of its own or all from one. */
  readonly askUdp: (
    address: string,
    port: number,
    count: number,
    options?: { readonly oneSocket: boolean },
  ) => Promise<readonly string[]>;
  /** Opens a connection and keeps it as `id`; fails unless it opens. */
  readonly hold: (id: string, address: string, port: number) => Promise<void>;
  /** One line over a held connection: the name of who answered, `timeout` or `lost`. */
  readonly say: (id: string) => Promise<string>;
  readonly drop: (id: string) => Promise<void>;
}

/** Starts an agent in the node's namespace; it ends with `stopAllProcesses`. */
export async function startAgent(node: NetworkNode): Promise<Agent> {
  const script = resolve(import.meta.dir, "agent.ts");
  const child = node.start([process.execPath, script, node.name, node.namespace]);
  await child.waitForOutput(/agent ready/, READY_MS);
  const order = async (body: AgentOrder): Promise<readonly string[]> => {
    const unix = agentSocket(node.name, node.namespace);
    const response = await fetch("http://agent/", { unix, method: "POST", body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`agent ${node.name}: ${body.kind}: ${await response.text()}`);
    return (await response.json()) as readonly string[];
  };
  return {
    name: node.name,
    serve: async (port) => void (await order({ kind: "serve", port })),
    serveUdp: async (address, port) => void (await order({ kind: "serve-udp", address, port })),
    stop: async (port) => void (await order({ kind: "stop", port })),
    ask: (address, port, count = 1, from) =>
      order({ kind: "ask", address, port, count, ...(from === undefined ? {} : { from }) }),
    askUdp: (address, port, count, options = { oneSocket: false }) =>
      order({ kind: "ask-udp", address, port, count, ...options }),
    hold: async (id, address, port) => {
      const [outcome] = await order({ kind: "hold", id, address, port });
      if (outcome !== "open") throw new Error(`connection ${id} from ${node.name} to ${address}:${port}: ${outcome}`);
    },
    say: async (id) => (await order({ kind: "say", id }))[0]!,
    drop: async (id) => void (await order({ kind: "drop", id })),
  };
}
