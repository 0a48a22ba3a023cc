/** The Debian packages that tests and bench need: named with their reasons in debian-packages.json, installed as root. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fail, root, say } from "./setup.mjs";

const POLICY = "/usr/sbin/policy-rc.d";
/** nginx or nginx-full do what nginx-light does. */
const alternatives = { "nginx-light": ["nginx", "nginx-light", "nginx-full", "nginx-extras"] };

function installed(name) {
  const query = (candidate) =>
    spawnSync("dpkg-query", ["-W", "-f", "${db:Status-Status}", candidate], { encoding: "utf8" }).stdout ===
    "installed";
  return (alternatives[name] ?? [name]).some(query);
}

/** Installs what is missing; without root or apt it says what is missing and goes on: those tests fail or skip. */
export function installDebianPackages() {
  if (!existsSync("/usr/bin/dpkg-query")) {
    say("no dpkg here: tests that need haproxy, keepalived, nginx and others take them from PATH");
    return;
  }
  const wanted = JSON.parse(readFileSync(join(root, "scripts/debian-packages.json"), "utf8"));
  const missing = Object.keys(wanted).filter((name) => !installed(name));
  if (missing.length === 0) return;
  if (process.getuid() !== 0) {
    for (const name of missing) say(`missing Debian package ${name}: ${wanted[name]}`);
    say(`not root, so nothing was installed: sudo apt-get install --no-install-recommends ${missing.join(" ")}`);
    return;
  }
  say(`installing Debian packages: ${missing.join(" ")}`);
  // Tests start their own haproxy, keepalived and nginx; the packages must not start the system's on port 80.
  const guard = !existsSync(POLICY);
  if (guard) writeFileSync(POLICY, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  const failure = apt(["update", "-qq"]) ?? apt(["install", "-y", "-qq", "--no-install-recommends", ...missing]);
  if (guard) rmSync(POLICY, { force: true });
  if (failure) fail(failure);
}

/** Null, or what went wrong. */
function apt(args) {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  // A mirror that is slow once is no reason to end.
  const done = spawnSync("apt-get", ["-o", "Acquire::Retries=5", ...args], {
    env,
    stdio: ["ignore", "ignore", "inherit"],
  });
  if (done.status === 0) return null;
  return `apt-get ${args.join(" ")}: ${done.error?.message ?? `ended with ${done.status ?? done.signal}`}`;
}
