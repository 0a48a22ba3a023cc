/**
 * The kernel lab: a virtual machine with a Debian kernel, for what needs IPVS.
 *
 *   npm run test:vm [-- SCENARIO …]      the checks, as ordinary test results; all scenarios, or only these
 *   … --binary FILE                      with another program than dist/ballast; it must lie in the checkout
 *   npm run test:vm -- --list            names of the scenarios
 *   npm run test:vm -- --shell           a shell in the machine (Ctrl-D ends it, Ctrl-A X kills it)
 *   npm run test:vm -- --capture         writes test/golden/ipvs anew: what ipvsadm sends, receives and prints
 */
import { cpSync, mkdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { projectRoot } from "../test/support/binary.ts";
import { allScenarios, references } from "../test/vm/scenarios.ts";
import { GUEST_RESULTS } from "./vm/initramfs.ts";
import { prepareMachine, type Prepared, startMachine, vmFolder, withConsole } from "./vm/machine.ts";

const CAPTURE_MS = 400_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    list: { type: "boolean" },
    shell: { type: "boolean" },
    capture: { type: "boolean" },
    binary: { type: "string" },
  },
});

function fail(message: string, code: number): never {
  console.error(`vm: ${message}`);
  process.exit(code);
}

async function prepare(name: string, script: string): Promise<Prepared> {
  const prepared = await prepareMachine(`${name}-${process.pid}`, script);
  return "missing" in prepared ? fail(prepared.missing, 1) : prepared;
}

async function runTests(): Promise<number> {
  const names = allScenarios.map((scenario) => scenario.name);
  const unknown = positionals.find((name) => !names.includes(name));
  if (unknown !== undefined) fail(`unknown scenario "${unknown}"; wanted ${names.join(", ")}`, 64);
  const env = {
    ...process.env,
    BALLAST_VM: positionals.join(",") || undefined,
    BALLAST_VM_BINARY: values.binary === undefined ? undefined : resolve(values.binary),
  };
  const command = [process.execPath, "test", "./test/vm"];
  return Bun.spawn(command, { cwd: projectRoot, env, stdio: ["ignore", "inherit", "inherit"] }).exited;
}

async function openShell(): Promise<number> {
  const inside = `echo "modprobe ip_vs; the checkout is at ${projectRoot}; Ctrl-D powers the machine off"`;
  const shell = await prepare(
    "shell",
    `cd "${projectRoot}"\n${inside}\nexec busybox setsid busybox cttyhack bash -l\n`,
  );
  return Bun.spawn(withConsole(shell.command), { stdio: ["inherit", "inherit", "inherit"] }).exited;
}

async function capture(): Promise<number> {
  const main = `test/vm/capture/main.ts ${GUEST_RESULTS}/golden`;
  const script = `cd "${projectRoot}" && modprobe ip_vs && NO_COLOR=1 exec "${process.execPath}" ${main}\n`;
  const prepared = await prepare("capture", script);
  const machine = startMachine(prepared, CAPTURE_MS);
  await machine.exited;
  const complete = machine.consoleTail().includes("captured all");
  if (!complete) fail(`the captures broke off; the console ends with:\n${machine.consoleTail()}`, 1);
  const target = join(projectRoot, "test/golden/ipvs");
  mkdirSync(target, { recursive: true });
  cpSync(join(prepared.resultsPath, "golden"), target, { recursive: true });
  console.log(`wrote ${target}`);
  return 0;
}

if (values.list) {
  for (const scenario of allScenarios) {
    const note = references.includes(scenario) ? ", only when named" : "";
    console.log(`${scenario.name.padEnd(20)} ${scenario.checks.length} checks${note}`);
  }
  process.exit(0);
}
const action = values.shell ? openShell : values.capture ? capture : runTests;
const code = await action();
for (const name of ["shell", "capture"])
  rmSync(join(vmFolder, `${name}-${process.pid}`), { recursive: true, force: true });
process.exit(code);
