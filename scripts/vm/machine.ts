/**
 * One virtual machine under QEMU's own translation (no /dev/kvm: stock Debian kernels hang on nested ones): the host's
 * root file system, its modules, this checkout and a results folder are 9p shares. It runs `run.sh` out of the results
 * folder and powers off. Needs no root: nothing of the host is written but the results folder.
 */
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../../test/support/binary.ts";
import { buildInitramfs } from "./initramfs.ts";
import { findKernel, type NoKernel } from "./kernel.ts";

const QEMU = "qemu-system-x86_64";
const CPUS = 2;
/** Holds the tmpfs above the root and some forty processes. */
const MEMORY_MB = 2048;
const CONSOLE_TAIL_LINES = 60;

/** Kernels and runs; ignored by git. */
export const vmFolder = join(projectRoot, ".test/vm");

export interface Machine {
  /** What the machine and `run.sh` said last, for the report of a failure. */
  readonly consoleTail: () => string;
  readonly exited: Promise<number>;
  readonly stop: () => Promise<void>;
}

export interface Prepared {
  readonly command: readonly string[];
  /** Host folder of the results share. */
  readonly resultsPath: string;
}

function share(name: string, path: string, readOnly: boolean): string[] {
  const fsdev = `local,id=${name},path=${path},security_model=none,multidevs=remap${readOnly ? ",readonly=on" : ""}`;
  return ["-fsdev", fsdev, "-device", `virtio-9p-pci,fsdev=${name},mount_tag=${name}`];
}

/**
 * Makes everything ready to run `script` (a shell script, run as root in the machine): kernel, initramfs, folders.
 * `name` keeps runs apart. Answers what is missing when this machine cannot have one.
 */
export async function prepareMachine(name: string, script: string): Promise<Prepared | NoKernel> {
  if (process.arch !== "x64") return { missing: `the kernel lab needs an x86-64 machine, this is ${process.arch}` };
  for (const program of [QEMU, "busybox", "cpio", "xz"]) {
    if (Bun.which(program) === null) return { missing: `no ${program} here` };
  }
  const kernel = await findKernel(join(vmFolder, "kernel"));
  if ("missing" in kernel) return kernel;
  const folder = join(vmFolder, name);
  const resultsPath = join(folder, "results");
  mkdirSync(resultsPath, { recursive: true });
  writeFileSync(join(resultsPath, "run.sh"), script);
  const initramfs = join(folder, "initramfs.cpio");
  await buildInitramfs(kernel, projectRoot, initramfs);
  const words = [
    `nice -n 10 ${QEMU} -accel tcg,thread=multi -cpu max -smp ${CPUS} -m ${MEMORY_MB}`,
    "-no-reboot -display none -monitor none -serial stdio -nic none",
  ];
  const command = [
    ...words.join(" ").split(" "),
    "-kernel",
    kernel.imagePath,
    "-initrd",
    initramfs,
    "-append",
    "console=ttyS0 quiet panic=-1",
    ...share("root", "/", true),
    ...share("modules", kernel.modulesPath, true),
    ...share("project", projectRoot, true),
    ...share("results", resultsPath, false),
  ];
  return { command, resultsPath };
}

/** The same machine on the terminal of whoever starts it; interrupts go to the machine. */
export function withConsole(command: readonly string[]): string[] {
  const interactive = command.map((word) => (word === "stdio" ? "mon:stdio" : word));
  return interactive.filter((word, index) => word !== "-monitor" && interactive[index - 1] !== "-monitor");
}

/** Starts a prepared machine with its console in `results/console.log`; killed after `limitMs`. */
export function startMachine(prepared: Prepared, limitMs: number): Machine {
  const consolePath = join(prepared.resultsPath, "console.log");
  const output = openSync(consolePath, "w");
  const child = Bun.spawn([...prepared.command], { stdin: "ignore", stdout: output, stderr: output });
  closeSync(output);
  const limit = setTimeout(() => child.kill("SIGKILL"), limitMs);
  const kill = (): void => child.kill("SIGKILL");
  process.on("exit", kill);
  const exited = child.exited.finally(() => {
    clearTimeout(limit);
    process.off("exit", kill);
  });
  return {
    consoleTail: () => readFileSync(consolePath, "utf8").split("\n").slice(-CONSOLE_TAIL_LINES).join("\n"),
    exited,
    stop: async () => {
      kill();
      await exited;
    },
  };
}
