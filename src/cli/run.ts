/** `ballast run [--daemon]`: the supervisor in the foreground or in the background. */
import { superviseConfig } from "../roles/boot.ts";
import { cleanEnvironment, selfCommand } from "../roles/self.ts";
import { type CliArgs, flagOn } from "./args.ts";
import { complain, exitCodes, refuseWords, say } from "./output.ts";

/** What the background process says on its descriptor 3 once every role runs. */
export const READY_VARIABLE = "BALLAST_READY_FD";
const READY_FD = 3;

export async function runRun(args: CliArgs): Promise<number> {
  const refused = refuseWords(args, "the file is named with -c: ballast -c FILE run");
  if (refused !== null) return refused;
  if (flagOn(args, "daemon")) return runDaemon(args);
  return superviseConfig({
    configPath: args.config,
    socket: args.socketGiven ? args.socket : null,
    readyFd: process.env[READY_VARIABLE] === undefined ? null : READY_FD,
  });
}

/**
 * Starts the supervisor as a session of its own and waits until it serves, so that a script that goes on after this
 * command finds the ports open. Answers the exit code of a start that failed.
 */
export async function runDaemon(args: CliArgs): Promise<number> {
  const words = ["-c", args.config, ...(args.socketGiven ? ["-S", args.socket] : []), "run"];
  const child = Bun.spawn({
    cmd: [...selfCommand(), ...words],
    env: { ...cleanEnvironment(), [READY_VARIABLE]: String(READY_FD) },
    stdio: ["ignore", "ignore", "pipe", "pipe"],
    detached: true,
  });
  const talk = relay(child.stderr);
  const ready = await firstBytes(child.stdio[READY_FD] as number);
  if (!ready) {
    await talk;
    const code = await child.exited;
    complain("the daemon did not start");
    return code === 0 ? exitCodes.internal : code;
  }
  say(args, `ballast runs as process ${child.pid}`);
  child.unref();
  return exitCodes.ok;
}

async function relay(stream: ReadableStream<Uint8Array>): Promise<void> {
  for await (const chunk of stream) process.stderr.write(chunk);
}

/** True when the other side wrote something before it closed. */
async function firstBytes(fd: number): Promise<boolean> {
  const reader = Bun.file(fd).stream().getReader();
  const { done } = await reader.read();
  await reader.cancel();
  return !done;
}
