/** `ballast version [--json]`. */
import { commit, version } from "../lib/version.ts";
import type { CliArgs } from "./args.ts";
import { exitCodes, printJson, printLine, refuseWords } from "./output.ts";

export async function runVersion(args: CliArgs): Promise<number> {
  const refused = refuseWords(args);
  if (refused !== null) return refused;
  const facts = { version, commit, bun: Bun.version, os: process.platform, arch: process.arch };
  if (args.json) printJson(facts);
  else printLine(`ballast ${version} (${commit}) on Bun ${Bun.version}, ${process.platform}/${process.arch}`);
  return exitCodes.ok;
}
