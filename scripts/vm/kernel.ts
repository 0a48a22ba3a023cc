/**
 * A Debian kernel with IPVS for the virtual machine: found with apt, unpacked into a cache under .test/, never installed.
 * Machines that build and test Ballast often run a kernel without ip_vs, and tests must not load modules into the host.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { run } from "../../test/support/process.ts";

/** A kernel package is 110 MB: minutes on a slow line. */
const DOWNLOAD_MS = 180_000;
const UNPACK_MS = 60_000;
const APT_MS = 60_000;

export interface Kernel {
  /** As `uname -r` prints it. */
  readonly release: string;
  readonly imagePath: string;
  /** Holds a folder named like the release, as /lib/modules does. */
  readonly modulesPath: string;
}

/** Why there is no kernel: tests are skipped with these words. */
export interface NoKernel {
  readonly missing: string;
}

/** The plain amd64 flavour: cloud and rt kernels lack modules or behave differently, -dbg and -unsigned are no images. */
const PACKAGE = /^linux-image-(6\.12\.(\d+)\S*-amd64) /;
const OTHER_FLAVOURS = /-(cloud|rt)-amd64$/;

function cachedKernel(cache: string): Kernel | null {
  if (!existsSync(cache)) return null;
  const release = readdirSync(cache).find((name) => existsSync(join(cache, name, "vmlinuz")));
  if (release === undefined) return null;
  const folder = join(cache, release);
  return { release, imagePath: join(folder, "vmlinuz"), modulesPath: join(folder, "modules") };
}

/** Release of the newest 6.12 kernel that apt knows; null when it knows none. */
async function newestRelease(): Promise<string | null> {
  const { stdout } = await run(["apt-cache", "search", "--names-only", "^linux-image-6\\.12\\."], APT_MS);
  const found = stdout
    .split("\n")
    .map((line) => PACKAGE.exec(line))
    .filter((match) => match !== null && !OTHER_FLAVOURS.test(match[1]!))
    .sort((a, b) => Number(b![2]) - Number(a![2]));
  return found[0]?.[1] ?? null;
}

/**
 * The cached kernel, or the newest one of Debian's package archive, put into `cache` (a few seconds, 110 MB).
 * Never throws for a machine that cannot have one: the answer says what is missing.
 */
export async function findKernel(cache: string): Promise<Kernel | NoKernel> {
  const cached = cachedKernel(cache);
  if (cached !== null) return cached;
  for (const program of ["apt-get", "apt-cache", "dpkg", "depmod"]) {
    if (Bun.which(program) === null) return { missing: `no ${program} here to get Debian's kernel package with` };
  }
  let release = await newestRelease();
  if (release === null && process.getuid?.() === 0) {
    await run(["apt-get", "update", "-qq"], APT_MS);
    release = await newestRelease();
  }
  if (release === null) return { missing: "apt knows no package linux-image-6.12…-amd64" };
  return download(cache, release);
}

async function download(cache: string, release: string): Promise<Kernel | NoKernel> {
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(join(cache, "unpack-"));
  try {
    const fetched = await run(["apt-get", "download", "-qq", `linux-image-${release}`], DOWNLOAD_MS, { cwd: work });
    const archive = readdirSync(work).find((name) => name.endsWith(".deb"));
    if (archive === undefined) return { missing: `apt-get download linux-image-${release}: ${fetched.stderr.trim()}` };
    const unpacked = await run(["dpkg", "-x", join(work, archive), join(work, "root")], UNPACK_MS);
    if (unpacked.code !== 0) return { missing: `dpkg -x ${archive}: ${unpacked.stderr.trim()}` };
    const indexed = await run(["depmod", "-b", join(work, "root"), release], UNPACK_MS);
    if (indexed.code !== 0) return { missing: `depmod ${release}: ${indexed.stderr.trim()}` };
    const ready = join(work, "ready");
    mkdirSync(ready);
    renameSync(join(work, "root/lib/modules"), join(ready, "modules"));
    renameSync(join(work, `root/boot/vmlinuz-${release}`), join(ready, "vmlinuz"));
    // The last step, so that a cut-short download is never taken for a kernel.
    renameSync(ready, join(cache, release));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return cachedKernel(cache) ?? { missing: `the package of ${release} holds no kernel image` };
}
