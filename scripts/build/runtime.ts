/** The Bun runtime for another CPU, taken from the npm registry and checked against package-lock.json. */
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

export type TargetName = "x64" | "arm64";

export const runtimeTargets = {
  x64: { bunTarget: "bun-linux-x64", packageName: "@oven/bun-linux-x64" },
  arm64: { bunTarget: "bun-linux-arm64", packageName: "@oven/bun-linux-aarch64" },
} as const satisfies Readonly<Record<TargetName, { bunTarget: Bun.Build.CompileTarget; packageName: string }>>;

interface Lock {
  readonly packages: Readonly<Record<string, { readonly version: string; readonly integrity?: string }>>;
}

function step(command: readonly string[], cwd: string): string {
  const done = Bun.spawnSync([...command], { cwd, stderr: "pipe" });
  if (done.exitCode !== 0) throw new Error(`${command.join(" ")}: exit ${done.exitCode}\n${done.stderr}`);
  return done.stdout.toString();
}

/** Path of the runtime executable of that CPU, fetched once and kept under dist/runtime. */
export async function foreignRuntime(root: string, target: TargetName): Promise<string> {
  const { packageName } = runtimeTargets[target];
  const lock = (await Bun.file(join(root, "package-lock.json")).json()) as Lock;
  const locked = lock.packages[`node_modules/${packageName}`];
  if (locked?.integrity === undefined) throw new Error(`package-lock.json has no ${packageName} with its integrity`);

  const folder = join(root, "dist/runtime");
  const executable = join(folder, `bun-${locked.version}-${target}`);
  if (existsSync(executable)) return executable;
  mkdirSync(folder, { recursive: true });

  const packed = step(
    ["npm", "pack", "--json", "--pack-destination", folder, `${packageName}@${locked.version}`],
    root,
  );
  // npm answers an array, from version 11 on an object keyed by name.
  const answer = JSON.parse(packed) as Record<string, { readonly filename: string }>;
  const filename = Object.values(answer)[0]?.filename;
  if (filename === undefined) throw new Error(`npm pack ${packageName}: no file name in its answer`);
  const archive = join(folder, filename.replace("@", "").replace("/", "-"));
  try {
    await verify(archive, locked.integrity);
    step(["tar", "-xzf", archive, "-C", folder, "package/bin/bun"], root);
    renameSync(join(folder, "package/bin/bun"), executable);
  } finally {
    rmSync(archive, { force: true });
    rmSync(join(folder, "package"), { recursive: true, force: true });
  }
  return executable;
}

async function verify(archive: string, integrity: string): Promise<void> {
  const found = `sha512-${new Bun.CryptoHasher("sha512").update(await Bun.file(archive).bytes()).digest("base64")}`;
  if (found !== integrity) throw new Error(`${archive}: found ${found}, package-lock.json wants ${integrity}`);
}
