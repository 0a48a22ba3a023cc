/**
 * `npm test`: installs what is missing, builds, and runs every kind of test, one after the other.
 * The last line is `N passed, N failed[, N skipped]`, summed over the runs; whole outputs are kept under .test/.
 *
 *   npm test [-- NAME …]      only these runs: check unit net interop e2e vm
 */
import { spawn } from "node:child_process";
import { createWriteStream, existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { countsOf, countsText } from "./counts.mjs";
import { installDebianPackages } from "./debian.mjs";
import { bunPath, ensureBinary, ensurePackages, fail, root, say } from "./setup.mjs";

/** A run that takes longer hangs: on two cores net takes twelve minutes, the kernel lab five, all together twenty-two. */
const RUN_LIMIT_MS = 18 * 60_000;
/**
 * What a test has that names no time of its own. Ten times what the slowest takes on an idle machine: a loaded one is no
 * failure, a test that hangs is. Bun's default is 5 s, and bunfig.toml has no key for it.
 */
const TEST_LIMIT_MS = 60_000;
/** Of a failed run's output, the end is printed; the file has all of it. */
const PRINTED_LINES_MAX = 300;
const PIPE_PATIENCE_MS = 1_000;

const runs = [
  { name: "check", script: "scripts/check.ts", args: ["--static"] },
  { name: "unit", folders: ["test/unit", "test/sim", "test/regress"] },
  { name: "net", folders: ["test/net"], needsRoot: "network namespaces and raw sockets" },
  { name: "interop", folders: ["test/interop"], needsRoot: "keepalived in network namespaces" },
  { name: "e2e", folders: ["test/e2e"] },
  { name: "vm", folders: ["test/vm"] },
];

function hasTests(folder) {
  const path = join(root, folder);
  return existsSync(path) && readdirSync(path, { recursive: true }).some((name) => /\.test\.tsx?$/.test(name));
}

/** Runs one program to its end or to the limit; keeps its output in .test/NAME.log and answers it. */
function execute(name, command, args) {
  const log = createWriteStream(join(root, ".test", `${name}.log`));
  const chunks = [];
  const env = {
    ...process.env,
    PATH: `${join(root, "node_modules/.bin")}:${process.env.PATH}`,
    NO_COLOR: "1",
    FORCE_COLOR: undefined,
  };
  return new Promise((done) => {
    // A process group of its own: children that a test left behind go with it.
    const child = spawn(command, args, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"], detached: true });
    const killGroup = () => {
      try {
        process.kill(-child.pid, "SIGKILL");
      } catch {
        // The group has ended already.
      }
    };
    const stop = () => {
      killGroup();
      process.exit(130);
    };
    process.on("SIGINT", stop).on("SIGTERM", stop);
    let late = false;
    const limit = setTimeout(() => {
      late = true;
      killGroup();
    }, RUN_LIMIT_MS);
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk) => {
        chunks.push(chunk);
        log.write(chunk);
      });
    }
    child.on("error", (error) => fail(`${command}: ${error.message}`));
    child.on("exit", (code) => {
      clearTimeout(limit);
      process.off("SIGINT", stop).off("SIGTERM", stop);
      killGroup();
      const finish = () => {
        clearTimeout(patience);
        log.end();
        done({ code, late, output: Buffer.concat(chunks).toString() });
      };
      // A daemon that left the group may hold the pipes open for ever.
      const patience = setTimeout(finish, PIPE_PATIENCE_MS);
      child.on("close", finish);
    });
  });
}

/** What went wrong, without the thousand lines of what went well. */
function withoutPasses(output) {
  const lines = output.split("\n").filter((line) => line !== "" && !line.startsWith("(pass)"));
  return lines.slice(-PRINTED_LINES_MAX).join("\n");
}

async function perform(run, bun) {
  if (run.needsRoot && process.getuid() !== 0) {
    say(`${run.name.padEnd(8)} skipped: needs root (${run.needsRoot})`);
    return { passed: 0, failed: 0, skipped: 1 };
  }
  const folders = run.folders?.filter(hasTests);
  if (folders?.length === 0) {
    say(`${run.name.padEnd(8)} has no tests yet`);
    return { passed: 0, failed: 0, skipped: 0 };
  }
  const startedMs = Date.now();
  const args = run.script
    ? [run.script, ...run.args]
    : ["test", "--timeout", String(TEST_LIMIT_MS), ...folders.map((folder) => `./${folder}`)];
  const { code, late, output } = await execute(run.name, bun, args);
  const counts = countsOf(output, code);
  const seconds = ((Date.now() - startedMs) / 1000).toFixed(1);
  const killed = late ? `, killed after ${RUN_LIMIT_MS / 1000} s` : "";
  if (counts.failed > 0) say(withoutPasses(output));
  say(`${run.name.padEnd(8)} ${countsText(counts)}${killed} (${seconds} s), output in .test/${run.name}.log`);
  return counts;
}

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !runs.some((run) => run.name === name));
if (unknown.length > 0) fail(`unknown run ${unknown.join(", ")}; wanted ${runs.map((run) => run.name).join(", ")}`);
const chosen = asked.length === 0 ? runs : runs.filter((run) => asked.includes(run.name));

ensurePackages();
const bun = bunPath();
installDebianPackages();
ensureBinary(bun);
mkdirSync(join(root, ".test"), { recursive: true });

const total = { passed: 0, failed: 0, skipped: 0 };
for (const run of chosen) {
  const result = await perform(run, bun);
  for (const key of Object.keys(total)) total[key] += result[key];
}
say(countsText(total));
process.exit(total.failed > 0 || total.passed === 0 ? 1 : 0);
