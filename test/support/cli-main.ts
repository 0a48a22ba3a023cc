/** The client-side commands without the daemon's: what tests start as a process of its own. */
import { parseArgs } from "../../src/cli/args.ts";
import { runEvents } from "../../src/cli/events.ts";
import { runLs } from "../../src/cli/ls.ts";
import { usageFailure } from "../../src/cli/output.ts";
import { runServer } from "../../src/cli/server.ts";
import { runShow } from "../../src/cli/show.ts";
import { runStatus } from "../../src/cli/status.ts";
import { runTuiCommand } from "../../src/cli/tui.ts";
import { runVrrp } from "../../src/cli/vrrp.ts";

async function main(): Promise<number> {
  const args = parseArgs(process.argv.slice(2), { uid: process.getuid?.() ?? 0, env: process.env });
  if (!args.ok) return usageFailure(args.error);
  switch (args.value.command) {
    case "tui":
      return runTuiCommand(args.value);
    case "status":
      return runStatus(args.value);
    case "ls":
      return runLs(args.value);
    case "events":
      return runEvents(args.value);
    case "server":
      return runServer(args.value);
    case "vrrp":
      return runVrrp(args.value);
    case "show":
      return runShow(args.value);
    case "reload":
      return (await import("../../src/cli/orders.ts")).runReload(args.value);
    case "stop":
      return (await import("../../src/cli/orders.ts")).runStop(args.value);
    case "schema":
      return (await import("../../src/cli/schema.ts")).runSchema(args.value);
    case "version":
      return (await import("../../src/cli/version.ts")).runVersion(args.value);
    case "run":
      return (await import("../../src/cli/run.ts")).runRun(args.value);
    case "up":
      return (await import("../../src/cli/up.ts")).runUp(args.value);
    case "demo":
      return (await import("../../src/cli/demo.ts")).runDemo(args.value);
    default:
      return 64;
  }
}

process.exit(await main());
