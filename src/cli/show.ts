/** `ballast show config [--defaults]` and `ballast show OBJECT`. */
import type { Snapshot } from "../admin/api.ts";
import { type AdminClient, adminClient } from "../admin/client.ts";
import { fitCells } from "../lib/display-width.ts";
import { safeText } from "../lib/safe-text.ts";
import { didYouMean } from "../lib/suggest.ts";
import { type CliArgs, flagOn } from "./args.ts";
import { serverRows } from "./columns.ts";
import { lvsStatusRows } from "./lvs-columns.ts";
import { clientFailure, complain, exitCodes, printJson, printLine, usageFailure } from "./output.ts";

export async function runShow(args: CliArgs): Promise<number> {
  const [what = ""] = args.rest;
  if (args.rest.length !== 1) {
    return usageFailure({
      text: `show wants one word, found ${args.rest.length === 0 ? "none" : args.rest.length}`,
      help: "ballast show config, or an object: ballast show app/web1",
    });
  }
  const client = adminClient(args.socket);
  return what === "config" ? showConfig(args, client) : showObject(args, client, what);
}

async function showConfig(args: CliArgs, client: AdminClient): Promise<number> {
  const config = await client.config({ defaults: flagOn(args, "defaults"), json: args.json });
  if (!config.ok) return clientFailure(config.error);
  const lines = config.value.text.replace(/\n$/, "").split("\n");
  // The file may hold control characters; line ends and tabs are its form.
  for (const line of lines) printLine(line.split("\t").map(safeText).join("\t"));
  return exitCodes.ok;
}

async function showObject(args: CliArgs, client: AdminClient, name: string): Promise<number> {
  const snapshot = await client.snapshot();
  if (!snapshot.ok) return clientFailure(snapshot.error);
  const objects = objectsOf(snapshot.value);
  const found = objects.filter((object) => object.name === name);
  if (found.length === 0) {
    const names = objects.map((object) => object.name);
    const near = didYouMean(name, names);
    const next = near === "" ? "; what there is: ballast status, ballast ls servers" : near;
    complain(`no frontend, backend, server, VRRP instance or virtual server "${safeText(name)}"${next}`);
    return exitCodes.negative;
  }
  if (args.json) {
    printJson(found.map((object) => ({ kind: object.kind, ...object.value })));
    return exitCodes.ok;
  }
  for (const object of found) {
    printLine(`${object.kind} ${safeText(object.name)}`);
    for (const [key, value] of Object.entries(object.value)) {
      printLine(`  ${fitCells(key, 22)}  ${safeText(typeof value === "string" ? value : JSON.stringify(value))}`);
    }
  }
  return exitCodes.ok;
}

interface NamedObject {
  readonly kind: "frontend" | "backend" | "server" | "vrrp" | "virtual server" | "real server";
  readonly name: string;
  readonly value: object;
}

function objectsOf(snapshot: Snapshot): readonly NamedObject[] {
  return [
    ...snapshot.frontends.map((value): NamedObject => ({ kind: "frontend", name: value.name, value })),
    ...snapshot.backends.map((backend): NamedObject => {
      const servers = backend.servers.map((server) => server.name);
      return { kind: "backend", name: backend.name, value: { ...backend, servers } };
    }),
    ...serverRows(snapshot.backends).map(({ backend, server }): NamedObject => ({
      kind: "server",
      name: `${backend}/${server.name}`,
      value: server,
    })),
    ...snapshot.vrrp.map((value): NamedObject => ({ kind: "vrrp", name: value.instance, value })),
    ...lvsStatusRows(snapshot.lvs).map(({ virtual, real }): NamedObject => {
      if (real !== null) return { kind: "real server", name: `${virtual.name}/${real.name}`, value: real };
      const realServers = virtual.realServers.map(({ name }) => name);
      return { kind: "virtual server", name: virtual.name, value: { ...virtual, realServers } };
    }),
  ];
}
