/** Getting at the kernel's IPVS: the module where it may be loaded, and a clear word where there is none. */
import { existsSync } from "node:fs";
import { E, SysError } from "../../sys/errno.ts";
import { hasCapability } from "../../sys/process.ts";

/** Whether a failure to open the family means that the kernel lacks it, and not that something else is wrong. */
export function lacksIpvs(error: unknown): boolean {
  if (!(error instanceof SysError)) return false;
  return error.errno === E.NOENT || error.errno === E.PROTONOSUPPORT;
}

/** What to tell people then. */
export const IPVS_MISSING = {
  text: 'this kernel has no IPVS: generic netlink knows no family "IPVS"',
  help: "load the module (modprobe ip_vs), or use a kernel that has it; a container needs it loaded on its host",
} as const;

/** Longer than a module takes to load on a busy machine. */
const MODPROBE_WITHIN_MS = 10_000;

/**
 * Loads ip_vs where this process may; true when modprobe says that it is there. The kernel loads scheduler modules
 * itself, by their name, when a service wants one.
 */
export function loadIpvsModule(): boolean {
  const command = modprobe();
  if (command === null) return false;
  const quiet = { stdin: "ignore", stdout: "ignore", stderr: "ignore" } as const;
  return Bun.spawnSync([...command], { ...quiet, timeout: MODPROBE_WITHIN_MS }).exitCode === 0;
}

/** The same for a process that must not wait: whoever needs the module asks the kernel again in a moment. */
export function startIpvsModule(): void {
  const command = modprobe();
  if (command === null) return;
  Bun.spawn([...command], { stdin: "ignore", stdout: "ignore", stderr: "ignore", timeout: MODPROBE_WITHIN_MS });
}

/** Loading needs CAP_SYS_MODULE, which only a full root has; asking modprobe without it would be noise. */
function modprobe(): readonly string[] | null {
  if (process.getuid?.() !== 0 || !hasCapability("NET_ADMIN")) return null;
  const path = ["/sbin/modprobe", "/usr/sbin/modprobe", "/bin/modprobe"].find((each) => existsSync(each));
  return path === undefined ? null : [path, "-q", "ip_vs"];
}

/** Whether the kernel has a scheduler, or can load it: built in, loaded, or found by modprobe. */
export function hasScheduler(name: string): boolean {
  const module = `ip_vs_${name}`;
  if (existsSync(`/sys/module/${module}`)) return true;
  const [path] = modprobe() ?? [];
  if (path === undefined) return false;
  const quiet = { stdin: "ignore", stdout: "ignore", stderr: "ignore" } as const;
  return Bun.spawnSync([path, "-n", "-q", module], { ...quiet, timeout: MODPROBE_WITHIN_MS }).exitCode === 0;
}
