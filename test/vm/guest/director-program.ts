/** A program that is director and VRRP speaker: the same checks run with keepalived and with Ballast. */
import type { NetworkNode } from "../../support/netns.ts";

export interface DirectorSettings {
  /** Prefers to lead; the other one has the lower priority. */
  readonly master: boolean;
  /** IPv4 addresses of the real servers. */
  readonly realServers: readonly string[];
}

export interface RunningDirector {
  /** Ends it as its users do. */
  readonly stop: () => Promise<void>;
  readonly log: () => string;
}

export interface DirectorProgram {
  readonly name: string;
  readonly start: (node: NetworkNode, settings: DirectorSettings) => Promise<RunningDirector>;
}
