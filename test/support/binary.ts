/** The built program, for tests that run it as its users do. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";

/** Root of the checkout. */
export const projectRoot = resolve(import.meta.dir, "../..");

/** Path of dist/ballast; `npm test` builds it first, a single test file wants `npm run build` before. */
export function ballastBinary(): string {
  const path = resolve(projectRoot, "dist/ballast");
  if (!existsSync(path)) throw new Error("dist/ballast is not built; run: npm run build");
  return path;
}

export const isRoot = process.getuid?.() === 0;
