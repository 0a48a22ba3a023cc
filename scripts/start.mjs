/** `npm start`: installs, builds what is missing or stale, and runs the demo. Arguments go to the demo: `npm start -- --ha`. */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { binary, bunPath, ensureBinary, ensurePackages, fail, root, say } from "./setup.mjs";

ensurePackages();
ensureBinary(bunPath());
const args = ["demo", ...process.argv.slice(2)];
say(`running dist/ballast ${args.join(" ")}`);

const child = spawn(binary, args, { cwd: root, stdio: "inherit" });
// A Ctrl-C reaches the demo from the terminal; this process only has to live until the demo has cleaned up.
process.on("SIGINT", () => {});
for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("error", (error) => fail(`dist/ballast: ${error.message}`));
child.on("exit", (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
