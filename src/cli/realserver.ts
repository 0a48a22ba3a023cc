/** `ballast realserver up|down|status|unit`: a machine behind an LVS-DR director, without a script. */
import { resolve } from "node:path";
import { runtimeDirectory } from "../lib/paths.ts";
import { formatIp, parseIp } from "../lib/ip.ts";
import { didYouMean } from "../lib/suggest.ts";
import { loadConfig } from "../config/shell/environment.ts";
import { renderIssue } from "../config/render-issue.ts";
import { RouteSocket } from "../netlink/shell/route-socket.ts";
import {
  type NodeFacts,
  planDown,
  planUp,
  type RealserverPlan,
  type Saved,
  statusLines,
  stepCommand,
} from "../realserver/plan.ts";
import {
  performStep,
  readFacts,
  readSaved,
  receivingInterfaces,
  savedPath,
  writeSaved,
} from "../realserver/shell/node.ts";
import { probeSilence } from "../realserver/shell/silence-probe.ts";
import { systemdUnit } from "../realserver/unit.ts";
import { selfCommand } from "../roles/self.ts";
import { Loop } from "../sys/loop.ts";
import { hasCapability } from "../sys/process.ts";
import { type CliArgs, flagOn, flagText } from "./args.ts";
import { commandRow } from "./commands.ts";
import { complain, exitCodes, painter, printJson, printLine, printText, say, talk, usageFailure } from "./output.ts";

interface Target {
  readonly vips: readonly string[];
  readonly device: string;
}

export async function runRealserver(args: CliArgs): Promise<number> {
  const row = commandRow("realserver");
  const help = `usage: ballast ${row.usage}`;
  const [verb = "", ...rest] = args.rest;
  if (verb !== "up" && verb !== "down" && verb !== "status" && verb !== "unit") {
    const text =
      verb === "" ? "realserver wants an order" : `unknown order "${verb}"${didYouMean(verb, row.words ?? [])}`;
    return usageFailure({ text, help });
  }
  if (rest.length > 0) return usageFailure({ text: `addresses are named with --vip, found "${rest[0]}"`, help });
  const path = savedPath(runtimeDirectory(process.getuid?.() ?? 0, process.env));
  const saved = readSaved(path);
  const target = targetOf(args, verb, saved);
  if (typeof target === "number") return target;
  if (verb === "unit") return printUnit(args, target);
  if (verb !== "status" && !flagOn(args, "dry-run") && !hasCapability("NET_ADMIN")) {
    complain(`realserver ${verb} changes addresses and ARP settings, which needs CAP_NET_ADMIN`);
    talk("run it as root, or look first: --dry-run\n");
    return exitCodes.notPermitted;
  }
  const port = new RouteSocket(new Loop(), () => undefined);
  try {
    if (verb === "status") return await status(args, port, target);
    const extra = (saved?.sysctls ?? []).map((each) => each.scope);
    const facts = readFacts(port, target.vips, target.device, extra);
    const plan = (verb === "up" ? planUp : planDown)(target.vips, target.device, facts, saved);
    return flagOn(args, "dry-run") ? show(plan) : carryOut(args, port, plan, path, verb);
  } finally {
    port.close();
  }
}

/** --vip, else the configuration, else for `down` what `up` has saved; a number: the exit code. */
function targetOf(args: CliArgs, verb: string, saved: Saved | null): Target | number {
  const device = flagText(args, "interface");
  const written = flagText(args, "vip");
  if (written !== null) {
    const vips = written.split(",").map((text) => parseIp(text.replace(/\/(?:32|128)$/, "")));
    const wrong = vips.indexOf(null);
    if (wrong >= 0) {
      const help = "such as --vip 192.0.2.10; several are several times --vip";
      return usageFailure({ text: `--vip "${written.split(",")[wrong]}" is no IP address`, help });
    }
    const texts = vips.flatMap((vip) => (vip === null ? [] : [formatIp(vip)]));
    return { vips: [...new Set(texts)], device: device ?? "lo" };
  }
  if (verb === "down" && saved !== null && !args.configGiven) {
    return { vips: saved.addresses, device: device ?? saved.interface };
  }
  const { text, config, issues } = loadConfig(args.config);
  if (config?.realserver !== undefined) {
    return { vips: config.realserver.vips, device: device ?? config.realserver.interface };
  }
  if (text !== null && config === null) {
    for (const issue of issues) talk(`${renderIssue(issue)}\n`);
    return exitCodes.badConfig;
  }
  const where = text === null ? `${args.config} cannot be read` : `${args.config} has no [realserver]`;
  return usageFailure({ text: `no virtual address is named: ${where}`, help: "name it: --vip 192.0.2.10" });
}

/** Addresses that the configuration names are left to it: the unit then follows the file. */
function printUnit(args: CliArgs, { vips, device }: Target): number {
  const named = flagText(args, "vip") === null ? [] : vips.flatMap((vip) => ["--vip", vip]);
  const config = args.configGiven ? ["-c", resolve(args.config)] : [];
  printText(systemdUnit(selfCommand()[0]!, [...named, ...(device === "lo" ? [] : ["--interface", device]), ...config]));
  return exitCodes.ok;
}

function show(plan: RealserverPlan): number {
  for (const step of plan.steps) printLine(stepCommand(step));
  for (const note of plan.notes) printLine(`# ${note}`);
  return exitCodes.ok;
}

/** What `down` needs is saved before the first change, and forgotten after the last. */
function carryOut(args: CliArgs, port: RouteSocket, plan: RealserverPlan, path: string, verb: string): number {
  const carriers = plan.steps.flatMap((step) => (step.kind === "sysctl" ? [] : [step.interface]));
  const missing = carriers.find((name) => port.view.link(name) === null);
  if (missing !== undefined) {
    complain(`there is no interface ${missing}; nothing was changed`);
    return exitCodes.negative;
  }
  if (plan.saved !== null) writeSaved(path, plan.saved);
  for (const step of plan.steps) {
    const problem = performStep(port, step);
    if (problem === null) {
      if (args.verbose) say(args, stepCommand(step));
      continue;
    }
    complain(problem);
    return exitCodes.negative;
  }
  if (plan.saved === null) writeSaved(path, null);
  for (const note of plan.notes) say(args, note);
  say(args, plan.steps.length === 0 ? "nothing to change" : `${verb}: ${plan.steps.length} changes made`);
  return exitCodes.ok;
}

/** What the settings say, and what the kernel itself answers. */
export async function examineRealserver(port: RouteSocket, target: Target): Promise<ReturnType<typeof statusLines>> {
  const facts = readFacts(port, target.vips, target.device, []);
  return [...statusLines(target.vips, target.device, facts), ...(await silenceLines(port, target, facts))];
}

async function status(args: CliArgs, port: RouteSocket, target: Target): Promise<number> {
  const lines = await examineRealserver(port, target);
  const paint = painter(args);
  if (args.json) printJson(lines);
  else {
    for (const { ok, text, remedy } of lines) {
      const word = ok ? paint("good", "ok  ") : paint("bad", "BAD ");
      printLine(`${word} ${text}${remedy === "" ? "" : `: ${remedy}`}`);
    }
  }
  return lines.every((line) => line.ok) ? exitCodes.ok : exitCodes.negative;
}

/** Asks the kernel itself, once for every interface that receives packets for the addresses. */
async function silenceLines(
  port: RouteSocket,
  { vips }: Target,
  facts: NodeFacts,
): Promise<ReturnType<typeof statusLines>> {
  const asked = vips.filter((vip) => parseIp(vip)?.family === 4 && facts.present.has(vip));
  if (asked.length === 0) return [];
  if (!hasCapability("NET_ADMIN")) {
    return [{ ok: true, text: "the ARP probe needs root: only settings were looked at", remedy: "" }];
  }
  const lines = [];
  for (const name of receivingInterfaces(port, vips)) {
    const ignore = facts.sysctls.find((each) => each.scope === name && each.name === "arp_ignore")?.value ?? 0;
    const result = await probeSilence(port, asked, ignore);
    if (result.kind === "unable") {
      lines.push({ ok: true, text: `the ARP probe could not be made: ${result.reason}`, remedy: "" });
      continue;
    }
    for (const vip of asked) {
      const ok = !result.answered.includes(vip);
      const text = `ARP for ${vip} as on ${name} is ${ok ? "not answered" : "answered"} (probed)`;
      lines.push({ ok, text, remedy: ok ? "" : "ballast realserver up" });
    }
  }
  return lines;
}
