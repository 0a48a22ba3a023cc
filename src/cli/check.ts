/** `ballast check [--strict] [--peer FILE]`: every problem of the configuration, with its line; nothing else happens. */
import { loadConfig } from "../config/shell/environment.ts";
import { renderIssue } from "../config/render-issue.ts";
import { checkCertificates } from "../roles/certificate-check.ts";
import { type CliArgs, flagOn, flagText } from "./args.ts";
import { complain, exitCodes, printJson, printLine, talk, usageFailure } from "./output.ts";

/** sysexits(3) EX_IOERR: the file itself could not be read. */
const EXIT_IO = 74;

/** Exit code: 0 valid, 1 --strict with warnings, 74 unreadable, 78 broken. */
export async function runCheck(args: CliArgs): Promise<number> {
  if (args.rest.length > 0) {
    return usageFailure({ text: "check takes no words", help: "the file is named with -c: ballast -c FILE check" });
  }
  const peerPath = flagText(args, "peer");
  const peer = peerPath === null ? null : loadConfig(peerPath).config;
  if (peerPath !== null && peer === null) {
    complain(`the peer's configuration ${peerPath} cannot be used; check it on its own first`);
    return exitCodes.badConfig;
  }
  const { text, config: parsed, issues: found, failover } = loadConfig(args.config, peer);
  const issues = parsed === null ? found : [...found, ...checkCertificates(args.config, parsed)];
  const config = issues.some(({ severity }) => severity === "error") ? null : parsed;
  if (args.json) printJson({ file: args.config, valid: config !== null, issues, ...(failover && { failover }) });
  else for (const issue of issues) talk(`${renderIssue(issue)}\n`);
  if (text === null) return EXIT_IO;
  const errors = issues.filter((issue) => issue.severity === "error").length;
  const warnings = issues.length - errors;
  if (config === null) {
    if (!args.json) talk(`${counted(errors, "error")}, ${counted(warnings, "warning")}\n`);
    return exitCodes.badConfig;
  }
  const strictFailure = flagOn(args, "strict") && warnings > 0;
  if (!args.json && !args.quiet) {
    for (const { instance, failure, text: outcome, moves } of failover ?? []) {
      printLine(`${moves ? "moves" : "STAYS"}  vrrp ${instance}: ${failure}: ${outcome}`);
    }
    const suffix =
      warnings === 0 ? "" : ` (${counted(warnings, "warning")}${strictFailure ? ", refused by --strict" : ""})`;
    printLine(`configuration is valid${suffix}`);
  }
  return strictFailure ? exitCodes.negative : exitCodes.ok;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
