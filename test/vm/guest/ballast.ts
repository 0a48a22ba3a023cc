/** The built program in a namespace of the machine. */
import { ballastBinary } from "../../support/binary.ts";
import type { NetworkNode } from "../../support/netns.ts";
import { type Finished, run } from "../../support/process.ts";
import { feed, type TableTool } from "./table-tool.ts";

/** Starting the program takes a second or two when the machine is busy. */
const COMMAND_MS = 30_000;

/** dist/ballast, or what `npm run test:vm -- --binary FILE` names. */
export const binary = process.env["BALLAST_VM_BINARY"] ?? ballastBinary();

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
