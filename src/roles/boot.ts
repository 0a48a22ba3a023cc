/** `ballast run`: from the configuration file to a running supervisor, and the clean-up behind it. */
import { rmSync, writeSync } from "node:fs";
import { Logger } from "../log/shell/sinks.ts";
import { EMPTY_REGISTRY, objectKeys, register } from "../stats/registry.ts";
import { clearObject, forgetWorker } from "../stats/read.ts";
import { openCounters } from "../stats/shell/counters.ts";
import { WORKER_MAX } from "../stats/layout.ts";
import { Loop } from "../sys/loop.ts";
import { raiseDescriptorLimit } from "../sys/process.ts";
import { openAdminSocket } from "./admin-socket.ts";
import { type ConfigFailure, type LoadedConfig, loadConfigFile } from "./config-file.ts";
import { countersPath, giveCounters, removeStaleCounters } from "./counters-file.ts";
import { Listeners } from "./listeners.ts";
import { claimPidfile, releasePidfile } from "./pidfile.ts";
import { checkRights } from "./preflight.ts";
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

export async function superviseConfig(options: BootOptions): Promise<number> {
  const loaded = loadConfigFile(options.configPath, options.socket);
  if ("issues" in loaded) return refuse(loaded.issues, loaded.unreadable ? EXIT.io : EXIT.config);
  for (const warning of loaded.warnings) process.stderr.write(`${warning}\n`);
  const rights = checkRights(loaded.config);
  if (!rights.ok) return refuse([rights.reason], EXIT.notPermitted);
  raiseDescriptorLimit();

  const listeners = new Listeners();
  const reasons = listeners.prepare(loaded.config);
  if (reasons.length > 0) return refuse(reasons, EXIT.io);
  const adminListener = openAdminSocket(loaded.config);
  if (typeof adminListener === "string") return refuse([adminListener], EXIT.io);
  const { pidfile } = loaded.config.global;
  const occupied = pidfile === null ? null : claimPidfile(pidfile);
  if (occupied !== null) return refuse([occupied], EXIT.io);

  try {
    return await supervise(loaded, options, listeners, adminListener, rights.drop);
  } finally {
    listeners.closeAll();
    rmSync(loaded.config.admin.socket, { force: true });
    if (pidfile !== null) releasePidfile(pidfile);
  }
}

async function supervise(
  loaded: LoadedConfig,
  options: BootOptions,
  listeners: Listeners,
  adminListener: number,
  drop: ConstructorParameters<typeof Supervisor>[1]["drop"],
): Promise<number> {
  const loop = new Loop();
  const { global, admin } = loaded.config;
  const path = countersPath(admin.socket, process.pid);
  removeStaleCounters(path);
  const counters = openCounters(path, true);
  giveCounters(path, drop?.identity ?? null);
  const logger = new Logger(loop, global.log, { tag: "ballast", pid: process.pid, host: global.node });
  let registry = EMPTY_REGISTRY;

  const supervisor = new Supervisor(loaded, {
    loop,
    listeners,
    adminListener,
    counters,
    countersPath: path,
    drop,
    load: () => loadConfigFile(options.configPath, options.socket),
    log: (event) => logger.ballastEvent(event),
    relog: (config) => logger.configure(config.global.log),
    registerObjects: (config) => {
      const registration = register(registry, objectKeys(config));
      if (!registration.ok) throw new Error(registration.error);
      const workers = Array.from({ length: WORKER_MAX }, (_, index) => counters.worker(index));
      for (const object of registration.value.reused) clearObject(workers, counters.shared, object);
      ({ registry } = registration.value);
      return registry.objects;
    },
    forgetWorker: (index) => forgetWorker(counters.worker(index), counters.header, counters.shared, registry.kinds),
    onReady: () => {
      if (options.readyFd !== null) writeSync(options.readyFd, "ready\n");
    },
  });
  process.on("SIGHUP", () => supervisor.startReload("SIGHUP"));
  process.on("SIGTERM", () => supervisor.stop("drain"));
  process.on("SIGINT", () => supervisor.stop("drain"));
  process.on("SIGQUIT", () => supervisor.stop("forever"));
  process.on("SIGUSR1", () => supervisor.dump());

  const ended = supervisor.run().then((code) => {
    // One more turn for what the last events wrote.
    loop.after(0, () => loop.stop());
    return code;
  });
  await loop.run();
  logger.close();
  rmSync(path, { force: true });
  return ended;
}

function refuse(reasons: ConfigFailure["issues"], code: number): number {
  for (const reason of reasons) process.stderr.write(`${reason}\n`);
  return code;
}
