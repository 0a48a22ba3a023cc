/** A machine that is the same everywhere: files in memory, two CPUs, twenty thousand descriptors. */
import type { ConfigEnvironment } from "../../../src/config/environment.ts";
import { err, ok } from "../../../src/lib/result.ts";

export function testEnvironment(
  change: Partial<ConfigEnvironment> = {},
  files: Readonly<Record<string, string>> = {},
): ConfigEnvironment {
  return {
    path: "ballast.toml",
    readFile: (path) => (Object.hasOwn(files, path) ? ok(files[path]) : err("no such file")),
    listDirectory: (path) => {
      const prefix = path === "." ? "" : path;
      return Object.keys(files).flatMap((name) => (name.startsWith(prefix) ? [name.slice(prefix.length)] : []));
    },
    env: { VRRP_PASSWORD: "f00tba11" },
    hostName: "testhost",
    cpuCount: 2,
    fdLimit: 20_000,
    ...change,
  };
}
