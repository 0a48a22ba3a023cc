/** The built program in namespaces of the machine: as a command, as a filler of tables, as director and VRRP speaker. */
import { type Appliance, startAppliance } from "../../support/appliance.ts";
import { ballastBinary } from "../../support/binary.ts";
import type { NetworkNode } from "../../support/netns.ts";
import { type Finished, run } from "../../support/process.ts";
import type { DirectorProgram, DirectorSettings, RunningDirector } from "./director-program.ts";
import { SERVICE, SERVICE_PORT, VIP } from "./dr-site.ts";
import { feed, type TableTool } from "./table-tool.ts";

/** Starting the program takes a second or two when the machine is busy. */
const COMMAND_MS = 30_000;

export const binary = ballastBinary();

/** Runs one command to its end, whatever its exit code. */
export function ballast(node: NetworkNode, ...words: readonly string[]): Promise<Finished> {
  return run(["ip", "netns", "exec", node.namespace, binary, ...words], COMMAND_MS);
}

/** As `ballast`, and fails unless it ends with 0. Answers stdout. */
export function mustBallast(node: NetworkNode, ...words: readonly string[]): Promise<string> {
  return node.run([binary, ...words], COMMAND_MS);
}

export const ballastTable: TableTool = {
  name: "ballast",
  restore: async (node, rules) => void (await feed(node, `"${binary}" lvs restore "$1"`, rules)),
};

/** The tutorial's pair in TOML. */
export function directorFile(settings: DirectorSettings): string {
  const realServers = settings.realServers.map((address) => `"${address}:${SERVICE_PORT}"`);
  return `
[vrrp.VI_1]
interface = "eth0"
virtual_router_id = 51
state = "${settings.master ? "master" : "backup"}"
priority = ${settings.master ? 100 : 50}
version = 2
advert_interval = "1s"
auth = { type = "pass", password = "k7Qz2mXw" }
addresses = ["${VIP}/32"]

[virtual_server.web]
address = "${SERVICE}"
scheduler = "rr"
forward = "dr"
check = { tcp = true, interval = "1s", timeout = "3s", retry = 1, delay_before_retry = "1s" }
real_servers = [${realServers.join(", ")}]

[ipvs]
sync = { interface = "eth0", id = 7, follows = "VI_1" }
`;
}

export interface BallastDirector extends RunningDirector {
  readonly appliance: Appliance;
}

export async function startBallast(node: NetworkNode, sections: string): Promise<BallastDirector> {
  const prefix = ["ip", "netns", "exec", node.namespace];
  const appliance = await startAppliance(sections, { prefix });
  return {
    appliance,
    stop: async () => void (await appliance.process.stop()),
    log: () => `${appliance.process.stdout()}${appliance.process.stderr()}`,
  };
}

export const ballastDirector: DirectorProgram = {
  name: "ballast",
  start: (node, settings) => startBallast(node, directorFile(settings)),
};
