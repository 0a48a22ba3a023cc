/** A program that fills the kernel's table from rules in ipvsadm's language: the same checks run with each. */
import { writeFileSync } from "node:fs";
import type { NetworkNode } from "../../support/netns.ts";

export interface TableTool {
  readonly name: string;
  /** Adds the rules to the table, in order. */
  readonly restore: (node: NetworkNode, rules: readonly string[]) => Promise<void>;
}

/** Puts the rules into a file and gives it to a shell command as `$1`. */
export async function feed(node: NetworkNode, command: string, rules: readonly string[]): Promise<string> {
  const path = `/tmp/rules-${node.namespace}`;
  writeFileSync(path, rules.map((rule) => `${rule}\n`).join(""));
  return node.run(["sh", "-c", command, "sh", path]);
}

export const ipvsadm: TableTool = {
  name: "ipvsadm",
  restore: async (node, rules) => void (await feed(node, 'ipvsadm -R < "$1"', rules)),
};

/** Empties the table whoever filled it: checks of one scenario follow each other on it. */
export async function clearTable(node: NetworkNode): Promise<void> {
  await node.run(["ipvsadm", "-C"]);
}
