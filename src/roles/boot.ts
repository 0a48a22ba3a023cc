/** `ballast run`: from the configuration file to a running supervisor, and the clean-up behind it. */
import { closeSync, rmSync, writeSync } from "node:fs";
import type { Config, LogTarget } from "../config/types.ts";
import { giveLogFiles } from "../log/shell/log-files.ts";
import { Logger, targetEvent, type TroubleHandler } from "../log/shell/sinks.ts";
import { type Counters, openCounters } from "../stats/shell/counters.ts";
import { SysError } from "../sys/errno.ts";
import { Loop } from "../sys/loop.ts";
import { type Identity, raiseDescriptorLimit } from "../sys/process.ts";
import { STDERR, writeWhole } from "../sys/standard-output.ts";
import { closeAdminSocket, openAdminSocket } from "./admin-socket.ts";
import { type ConfigFailure, type LoadedConfig, loadConfigFile } from "./config-file.ts";
import { CounterObjects } from "./counter-objects.ts";
import { startIpvsModule } from "../ipvs/shell/open.ts";
import { giveOwnership, ownershipPath } from "./ipvs-file.ts";
import { countersPath, giveCounters, removeStaleCounters } from "./counters-file.ts";
import { Listeners } from "./listeners.ts";
import { claimPidfile, releasePidfile } from "./pidfile.ts";
import { checkRights } from "./preflight.ts";
import { runningOf } from "./reloader.ts";
import { Supervisor } from "./supervisor.ts";

export interface BootOptions {
  readonly configPath: string;
  /** -S on the command line. */
  readonly socket: string | null;
  /** Descriptor on which a waiting parent learns that every role runs; null: nobody waits. */
  readonly readyFd: number | null;
}

/** sysexits.h, as the command line promises them. */
const EXIT = { io: 74, notPermitted: 77, config: 78 } as const;

/** Where warnings go when the configuration names no log: to whoever started the daemon. */
const STDERR_TARGET: LogTarget = { sink: { kind: "stderr" }, facility: "daemon", level: "warning", format: "plain" };

/** Runs until the appliance has stopped; answers the exit code. Every refusal is said on stderr. */
export async function superviseConfig(options: BootOptions): Promise<number> {
  const loaded = loadConfigFile(options.configPath, options.socket);
  if ("issues" in loaded) return refuse(loaded.issues, loaded.unreadable ? EXIT.io : EXIT.config);
  for (const warning of loaded.warnings) writeWhole(STDERR, `${warning}\n`);
  const rights = checkRights(loaded.config);
  if (!rights.ok) return refuse([rights.reason], EXIT.notPermitted);
  raiseDescriptorLimit();

  // First what tells whether we run already: its message is the one that helps.
  const adminListener = openAdminSocket(loaded.config);
  if (typeof adminListener === "string") return refuse([adminListener], EXIT.io);
  const { pidfile } = loaded.config.global;
  const counters = countersPath(loaded.config.admin.socket, process.pid);
  removeStaleCounters(counters);
  const listeners = new Listeners();
  try {
    const occupied = pidfile === null ? null : claimPidfile(pidfile);
    if (occupied !== null) return refuse([occupied], EXIT.io);
    const { reasons, isForbidden } = listeners.prepare(loaded.config);
    if (reasons.length > 0) return refuse(reasons, isForbidden ? EXIT.notPermitted : EXIT.io);
    return await supervise(loaded, options, listeners, adminListener, counters, rights.drop);
  } finally {
    rmSync(counters, { force: true });
    listeners.closeAll();
    if (pidfile !== null) releasePidfile(pidfile);
    // Last: whoever waits for our end watches the socket and may start the next one at once.
    closeAdminSocket(loaded.config, adminListener);
  }
}

async function supervise(
  loaded: LoadedConfig,
  options: BootOptions,
  listeners: Listeners,
  adminListener: number,
  path: string,
  drop: { readonly identity: Identity | null } | null,
): Promise<number> {
  const loop = new Loop();
  const { global } = loaded.config;
  const counters = newCounters(path);
  if (typeof counters === "string") return refuse([counters], EXIT.io);
  giveCounters(path, drop?.identity ?? null);
  const objects = new CounterObjects(counters);
  const indexes = objects.prepare(loaded.config);
  if (!indexes.ok) return refuse([indexes.error], EXIT.config);
  objects.commit();

  // A daemon's parent has gone once it is ready, and with it the other end of our stderr.
  let hasStderr = true;
  const targets = ({ log }: Config["global"]): readonly LogTarget[] =>
    log.length === 0 && hasStderr ? [STDERR_TARGET] : log;
  const identity = { tag: "ballast", pid: process.pid, host: global.node };
  // Later: the logger must not be entered from within itself.
  let isStarting = true;
  const onTrouble: TroubleHandler = (target, reason) =>
    loop.defer(() => {
      const happening = targetEvent(target, reason);
      // Somebody who starts it would look for this in the very log that cannot be written.
      const isSeen = targets(global).some(({ sink }) => sink.kind === "stderr");
      if (isStarting && hasStderr && !isSeen) writeWhole(STDERR, `${happening.text}\n`);
      supervisor.tell(happening);
    });
  const logger = new Logger(loop, targets(global), identity, onTrouble);

  const supervisor: Supervisor = new Supervisor(loaded, runningOf(loaded, indexes.value, 1, path), {
    loop,
    listeners,
    adminListener,
    header: counters.header,
    countersPath: path,
    objects,
    drop,
    load: () => loadAgain(options),
    log: (event) => logger.ballastEvent(event),
    giveLogs: ({ config }) => (drop?.identity ? giveLogFiles(config.global.log, drop.identity) : []),
    giveIpvs: (config) => {
      startIpvsModule();
      return giveOwnership(ownershipPath(config.admin.socket), drop?.identity ?? null);
    },
    relog: ({ config }) => logger.configure(targets(config.global)),
    onReady: () => {
      isStarting = false;
      if (options.readyFd === null) return;
      writeSync(options.readyFd, "ready\n");
      closeSync(options.readyFd);
      hasStderr = false;
      logger.configure(targets(loaded.config.global));
    },
  });
  process.on("SIGHUP", () => supervisor.hangUp());
  process.on("SIGTERM", () => supervisor.stop("drain"));
  process.on("SIGINT", () => supervisor.stop("drain"));
  process.on("SIGQUIT", () => supervisor.stop("forever"));
  process.on("SIGUSR1", () => supervisor.dump());
  // Its default would end the one process that must not end.
  process.on("SIGUSR2", () => supervisor.notSupported("SIGUSR2", "an upgrade in place"));

  const ended = supervisor.run().then((code) => {
    // One more turn for what the last events wrote.
    loop.after(0, () => loop.stop());
    return code;
  });
  await loop.run();
  logger.close();
  const code = await ended;
  // A log in a file is not what the person at the terminal looks at first.
  return refuse(global.log.some(({ sink }) => sink.kind !== "stderr") ? supervisor.refusals : [], code);
}

/** For a reload: what was checked at the start holds for every later configuration. */
function loadAgain({ configPath, socket }: BootOptions): LoadedConfig | ConfigFailure {
  const loaded = loadConfigFile(configPath, socket);
  if ("issues" in loaded) return loaded;
  const rights = checkRights(loaded.config);
  return rights.ok ? loaded : { issues: [rights.reason], unreadable: false };
}

/** Text: why there is no memory for the counters. */
function newCounters(path: string): Counters | string {
  try {
    return openCounters(path, true);
  } catch (error) {
    if (error instanceof SysError) return error.message;
    throw error;
  }
}

function refuse(reasons: readonly string[], code: number): number {
  for (const reason of reasons) writeWhole(STDERR, `${reason}\n`);
  return code;
}
