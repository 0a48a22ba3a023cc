/** `ballast demo`: one appliance on loopback, three toys that misbehave on cue, a small load, and a commentary. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ServerState } from "../../ipc/messages.ts";
import { localToml } from "../config.ts";
import { ACT_MS, type Cue, encore, ENCORE_MS, type Scene, scenes, type ToyName, toyNames } from "../scenes.ts";
import { since, tallyText } from "../tally.ts";
import { type Child, runCommand, startChild } from "./children.ts";
import {
  ask,
  daemonReady,
  type DemoTools,
  type Load,
  makeFolder,
  pause,
  removeFolder,
  startLoad,
  startToy,
  until,
} from "./stage.ts";

const HOST = "127.0.0.1";
const REQUESTS_PER_SECOND = 50;
/** Two failed checks half a second apart with their timeouts, and some air. */
const VERDICT_TIMEOUT_MS = 4_000;
/** How long the effect of an order is watched before it is reported. */
const ORDER_WATCH_MS = 1_000;

interface Play {
  readonly tools: DemoTools;
  readonly socket: string;
  readonly load: Load;
  readonly toys: Map<ToyName, { child: Child; readonly port: number }>;
}

/** Draws the TUI on that socket until somebody leaves it; null: plain lines. */
export type Screen = ((socket: string) => Promise<number>) | null;

/** Runs until the play is over (plain lines), the TUI is left, or `tools.ended`. Throws DemoError when it cannot. */
export async function runLocal(tools: DemoTools, screen: Screen): Promise<number> {
  const folder = makeFolder();
  const stops: (() => Promise<void>)[] = [];
  try {
    return await perform(tools, screen, folder, stops);
  } finally {
    // The load first: what it would see of the end is no finding.
    for (const stop of stops.reverse()) await stop();
    removeFolder(folder);
  }
}

async function perform(
  tools: DemoTools,
  screen: Screen,
  folder: string,
  stops: (() => Promise<void>)[],
): Promise<number> {
  const toys: Play["toys"] = new Map();
  stops.push(async () => void (await Promise.all([...toys.values()].map(({ child }) => child.stop()))));
  for (const name of toyNames) toys.set(name, await startToy(tools.self, [], name, HOST, 0));

  const bind = `${HOST}:${freePort()}`;
  const socket = join(folder, "ballast.sock");
  const configFile = join(folder, "ballast.toml");
  const servers = [...toys].map(([name, { port }]) => ({ name, address: `${HOST}:${port}` }));
  writeFileSync(configFile, localToml({ socket, logFile: join(folder, "ballast.log"), bind, servers }));

  const daemon = startChild(tools.self, [], ["-c", configFile, "run"], () => undefined);
  stops.push(daemon.stop);
  await daemonReady(tools, daemon, socket, "ballast run");
  const load = startLoad(tools.self, [], `http://${bind}/`, REQUESTS_PER_SECOND, false);
  stops.push(load.stop);
  const play: Play = { tools, socket, load, toys };

  tools.say(`three backends behind http://${bind}/ and ${REQUESTS_PER_SECOND} requests a second; try:`);
  tools.say(`  curl http://${bind}/`);
  tools.say(`  ${tools.self.command.join(" ")} -S ${socket} status`);
  if (screen === null) await act(play, scenes, tools.say);
  else await onScreen(play, screen);
  await pause(300, tools.ended);
  tools.say(`in all: ${tallyText(load.tally())}`);
  return daemon.running() ? 0 : 1;
}

/** The whole play again and again behind the TUI, which shows what the plain lines would say. */
async function onScreen(play: Play, screen: NonNullable<Screen>): Promise<void> {
  await pause(1_500, play.tools.ended);
  const left = new AbortController();
  const tools = { ...play.tools, ended: AbortSignal.any([play.tools.ended, left.signal]) };
  const silent = { ...play, tools };
  const loop = (async () => {
    while (!tools.ended.aborted) {
      await act(silent, scenes, () => undefined, ACT_MS);
      await act(silent, encore, () => undefined, ENCORE_MS);
    }
  })();
  if (!tools.ended.aborted) await screen(play.socket);
  left.abort();
  await loop;
}

async function act(play: Play, list: readonly Scene[], say: (line: string) => void, lengthMs = 0): Promise<void> {
  const startedMs = performance.now();
  const elapsedMs = (): number => performance.now() - startedMs;
  for (const scene of list) {
    await pause(scene.atMs - elapsedMs(), play.tools.ended);
    if (play.tools.ended.aborted) return;
    say(`${scene.says} …`);
    const before = play.load.tally();
    await perCue(play, scene.cue);
    const effect = await watchEffect(play, scene);
    if (play.tools.ended.aborted) return;
    say(`  ${effect}: ${tallyText(since(before, play.load.tally()))}`);
  }
  await pause(lengthMs - elapsedMs(), play.tools.ended);
}

async function perCue(play: Play, cue: Cue): Promise<void> {
  const toy = play.toys.get(cue.toy)!;
  switch (cue.kind) {
    case "kill":
      await toy.child.kill();
      break;
    case "start": {
      const { child } = await startToy(play.tools.self, [], cue.toy, HOST, toy.port);
      toy.child = child;
      break;
    }
    case "mood":
      toy.child.write(cue.mood);
      break;
    case "order":
      await runCommand(
        [...play.tools.self.command, "-S", play.socket, "server", cue.order, `app/${cue.toy}`],
        play.tools.self.environment,
      );
      break;
  }
}

type ServerRow = Pick<ServerState, "health" | "checkStatus" | "checkInfo"> & { readonly name: string };

/** Waits for the verdict that the scene expects and says when it came and why. */
async function watchEffect(play: Play, scene: Scene): Promise<string> {
  if (scene.expect === null) {
    await pause(ORDER_WATCH_MS, play.tools.ended);
    return "requests go on";
  }
  let row: ServerRow | undefined;
  const tookMs = await until(
    async () => {
      const rows = await ask<readonly ServerRow[]>(play.tools.self, ["-S", play.socket, "ls", "servers"]);
      row = rows?.find(({ name }) => name === scene.cue.toy);
      return row?.health === scene.expect;
    },
    VERDICT_TIMEOUT_MS,
    play.tools.ended,
  );
  if (tookMs === null)
    return `${scene.cue.toy} is still ${row?.health ?? "unknown"} after ${VERDICT_TIMEOUT_MS / 1000} s`;
  const why = [row?.checkStatus, row?.checkInfo].filter(Boolean).join(" ");
  return `${scene.cue.toy} is ${scene.expect} after ${(tookMs / 1000).toFixed(1)} s (${why})`;
}

/** 8080 when nobody has it, as people expect it there; else what the kernel gives. */
function freePort(): number {
  for (const port of [8080, 0]) {
    try {
      const listener = Bun.listen({ hostname: HOST, port, socket: { data() {} } });
      const taken = listener.port;
      listener.stop(true);
      return taken;
    } catch {
      // Taken: the next candidate.
    }
  }
  throw new Error(`no free port on ${HOST}`);
}
