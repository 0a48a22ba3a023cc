/**
 * The machine's first file system: a static busybox, the modules that reach the host's shares, and an init that makes
 * the host's own root file system the machine's (read-only, with a tmpfs above it) and runs one script there.
 */
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { mustRun } from "../../test/support/process.ts";
import type { Kernel } from "./kernel.ts";

/** What must be in the kernel before the first share can be mounted; everything else comes by modprobe from the share. */
const BOOT_MODULES = ["9pnet_virtio", "9p", "overlay"];
/** Folder in the machine where the results share is mounted. */
export const GUEST_RESULTS = "/run/vm";

/** Files of these modules and all that they need, in the order in which they load. */
export function loadOrder(modulesDep: string, names: readonly string[]): string[] {
  const needs = new Map<string, { path: string; needed: string[] }>();
  const nameOf = (path: string): string =>
    basename(path)
      .replace(/\.ko(\.xz)?$/, "")
      .replaceAll("-", "_");
  for (const line of modulesDep.split("\n")) {
    const [path, rest] = line.split(":");
    if (path === undefined || rest === undefined) continue;
    // modules.dep names all that a module needs, the deepest last.
    needs.set(nameOf(path), { path, needed: rest.trim().split(" ").filter(Boolean).reverse() });
  }
  const ordered = new Set<string>();
  for (const name of names) {
    const module = needs.get(name);
    // Built into this kernel.
    if (module === undefined) continue;
    for (const path of [...module.needed, module.path]) ordered.add(path);
  }
  return [...ordered];
}

function initScript(projectPath: string): string {
  const options = "trans=virtio,version=9p2000.L,msize=524288";
  return `#!/bin/busybox sh
export PATH=/bin
fail() { echo "vm: init: $1"; poweroff -f; }
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
while read -r module; do insmod "/modules/$module" || fail "insmod $module"; done < /modules/order
mkdir -p /lower /upper /new
mount -t 9p -o ro,cache=loose,${options} root /lower || fail "mount root"
mount -t tmpfs tmpfs /upper
mkdir /upper/files /upper/work
mount -t overlay -o lowerdir=/lower,upperdir=/upper/files,workdir=/upper/work overlay /new || fail "mount overlay"
for folder in proc sys dev run tmp lib/modules; do mkdir -p /new/$folder; done
mount -t proc proc /new/proc
mount -t sysfs sysfs /new/sys
mount -t devtmpfs dev /new/dev
mkdir -p /new/dev/pts /new/dev/shm
mount -t devpts devpts /new/dev/pts
for folder in dev/shm run tmp; do mount -t tmpfs tmpfs /new/$folder; done
mount -t 9p -o ro,cache=loose,${options} modules /new/lib/modules || fail "mount modules"
mkdir -p "/new${projectPath}" /new${GUEST_RESULTS}
mount -t 9p -o ro,cache=loose,${options} project "/new${projectPath}" || fail "mount project"
mount -t 9p -o rw,cache=none,${options} results /new${GUEST_RESULTS} || fail "mount results"
ip link set lo up
hostname vm
# The kernel asks for modules with this program, out of the first file system.
echo /bin/modprobe-in-root > /proc/sys/kernel/modprobe
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
/bin/chroot /new /bin/sh ${GUEST_RESULTS}/run.sh
/bin/sync
/bin/poweroff -f
`;
}

/** Modules wanted by the kernel itself (a scheduler named in a request, say) lie behind the share. */
const MODPROBE = `#!/bin/busybox sh
exec /bin/busybox chroot /new /sbin/modprobe "$@"
`;

/** Builds the image for a kernel and a project folder at `path`. Fails with the tool's words. */
export async function buildInitramfs(kernel: Kernel, projectPath: string, path: string): Promise<void> {
  const busybox = Bun.which("busybox");
  if (busybox === null) throw new Error("no busybox here; install Debian's busybox-static");
  const work = mkdtempSync(join(tmpdir(), "ballast-initramfs-"));
  try {
    for (const folder of ["bin", "proc", "sys", "dev", "modules"]) mkdirSync(join(work, folder));
    cpSync(busybox, join(work, "bin/busybox"));
    const applets = "sh mount mkdir insmod ip hostname chroot sync poweroff echo".split(" ");
    for (const applet of applets) await mustRun(["ln", "-s", "busybox", join(work, "bin", applet)]);
    const modules = join(kernel.modulesPath, kernel.release);
    const order = loadOrder(readFileSync(join(modules, "modules.dep"), "utf8"), BOOT_MODULES);
    const names: string[] = [];
    for (const file of order) {
      const name = basename(file);
      const target = join(work, "modules", name);
      cpSync(join(modules, file), target);
      if (name.endsWith(".xz")) await mustRun(["xz", "-d", target]);
      names.push(name.replace(/\.xz$/, ""));
    }
    writeFileSync(join(work, "modules/order"), names.map((name) => `${name}\n`).join(""));
    writeExecutable(join(work, "init"), initScript(projectPath));
    writeExecutable(join(work, "bin/modprobe-in-root"), MODPROBE);
    await mustRun(["sh", "-c", 'cd "$1" && find . | cpio --quiet -o -H newc > "$2"', "sh", work, path], 30_000);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  if (!existsSync(path)) throw new Error(`cpio wrote no ${path}`);
}

function writeExecutable(path: string, text: string): void {
  writeFileSync(path, text);
  chmodSync(path, 0o755);
}
