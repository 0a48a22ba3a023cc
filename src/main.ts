/** argv → command or role. The only place that ends the process. */
import { parseArgs } from "./cli/args.ts";
import type { CommandName } from "./cli/commands.ts";
import type { CliArgs } from "./cli/args.ts";
import { complain, exitCodes, usageFailure, whenOutputCloses } from "./cli/output.ts";
import { roleNames, type RoleName } from "./ipc/messages.ts";

/** Loaded when asked for: `ballast version` must not wait for React, nor a worker for the TUI. */
const handlers: { readonly [C in CommandName]: (args: CliArgs) => Promise<number> } = {
  run: async (args) => (await import("./cli/run.ts")).runRun(args),
  up: async (args) => (await import("./cli/up.ts")).runUp(args),
  tui: async (args) => (await import("./cli/tui.ts")).runTuiCommand(args),
  demo: async (args) => (await import("./cli/demo.ts")).runDemo(args),
  check: async (args) => (await import("./cli/check.ts")).runCheck(args),
  reload: async (args) => (await import("./cli/orders.ts")).runReload(args),
  stop: async (args) => (await import("./cli/orders.ts")).runStop(args),
  status: async (args) => (await import("./cli/status.ts")).runStatus(args),
  ls: async (args) => (await import("./cli/ls.ts")).runLs(args),
  show: async (args) => (await import("./cli/show.ts")).runShow(args),
  server: async (args) => (await import("./cli/server.ts")).runServer(args),
  vrrp: async (args) => (await import("./cli/vrrp.ts")).runVrrp(args),
  doctor: async (args) => (await import("./cli/doctor-dr.ts")).runDoctor(args),
  realserver: async (args) => (await import("./cli/realserver.ts")).runRealserver(args),
  lvs: async (args) => (await import("./cli/lvs.ts")).runLvs(args),
  events: async (args) => (await import("./cli/events.ts")).runEvents(args),
  schema: async (args) => (await import("./cli/schema.ts")).runSchema(args),
  version: async (args) => (await import("./cli/version.ts")).runVersion(args),
  help: async (args) => (await import("./cli/help.ts")).runHelp(args),
};

/** What the program calls itself with; not for people, so not in the help. */
async function internal(word: string, rest: readonly string[]): Promise<number | null> {
  const [role = "", index = "0", rights = "-", uid, gid] = rest;
  const isRole = (roleNames as readonly string[]).includes(role);
  if (word === "__role" && isRole) {
    return (await import("./roles/role-main.ts")).runRole(role as RoleName, Number(index));
  }
  if (word === "__start" && isRole) {
    const identity = uid !== undefined && gid !== undefined ? { uid: Number(uid), gid: Number(gid) } : null;
    (await import("./roles/starter.ts")).startRole(role as RoleName, index, rights, identity);
  }
  if (word === "__command") (await import("./roles/starter.ts")).startCommand(rest);
  if (word === "__toy") return (await import("./demo/shell/toy-backend.ts")).runToy(rest);
  return null;
}

async function main(argv: readonly string[]): Promise<number> {
  if (argv[0]?.startsWith("__")) {
    const code = await internal(argv[0], argv.slice(1));
    if (code !== null) return code;
  }
  const caller = { uid: process.getuid?.() ?? 0, env: process.env };
  const parsed = parseArgs(argv, caller);
  if (!parsed.ok) return usageFailure(parsed.error);
  const args = parsed.value;
  if (args.help || args.command === null) return bare(args);
  return handlers[args.command](await withSocketOf(args));
}

/** Of these the file is the subject, or there is no daemon in it. */
const withoutDaemon: readonly CommandName[] = ["run", "check", "demo", "realserver", "schema", "version", "help"];

/** With a file and without a socket the daemon that runs this file is meant. */
async function withSocketOf(args: CliArgs): Promise<CliArgs> {
  if (!args.configGiven || args.socketGiven || withoutDaemon.includes(args.command ?? "help")) return args;
  const { loadConfig } = await import("./config/shell/environment.ts");
  const { config } = loadConfig(args.config);
  if (config !== null) return { ...args, socket: config.admin.socket };
  complain(`${args.config} does not tell the socket (see: ballast -c ${args.config} check); asking ${args.socket}`);
  return args;
}

/** `ballast` alone: the TUI when a daemon answers on a terminal, else the short help. */
async function bare(args: CliArgs): Promise<number> {
  if (!args.help && process.stdout.isTTY && process.stdin.isTTY) {
    const { adminClient } = await import("./admin/client.ts");
    if ((await adminClient(args.socket).snapshot()).ok) return handlers.tui(args);
  }
  return (await import("./cli/help.ts")).runHelp(args);
}

whenOutputCloses(() => process.exit(exitCodes.ok));
try {
  process.exit(await main(process.argv.slice(2)));
} catch (error) {
  // A full disk or device behind stdout (`> FILE`): nothing inside is wrong.
  if (error instanceof Error && "syscall" in error && error.syscall === "write") {
    complain(`output could not be written: ${error.message}`);
    process.exit(exitCodes.io);
  }
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`ballast: internal error: ${detail}\n`);
  process.exit(exitCodes.internal);
}
