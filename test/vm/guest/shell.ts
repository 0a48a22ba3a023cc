/** Several commands in a namespace at the price of one: starting programs is what costs time in the machine. */
import type { NetworkNode } from "../../support/netns.ts";

/** Runs the lines in one shell; fails at the first that fails, with its words. */
export function runAll(node: NetworkNode, lines: readonly string[]): Promise<string> {
  return node.run(["sh", "-ec", lines.join("\n")]);
}
