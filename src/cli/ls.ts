/** `ballast ls frontends|backends|servers|vrrp|lvs`. */
import { adminClient } from "../admin/client.ts";
import type { Snapshot } from "../admin/api.ts";
import { didYouMean } from "../lib/suggest.ts";
import { type Paint } from "../lib/text-table.ts";
import type { CliArgs } from "./args.ts";
import { backendColumns, frontendColumns, serverColumns, serverRows, vrrpColumns } from "./columns.ts";
import { lvsStatusColumns, lvsStatusRows } from "./lvs-columns.ts";
import { clientFailure, exitCodes, painter, printJson, printTable, usageFailure } from "./output.ts";

interface Kind {
  readonly json: (snapshot: Snapshot) => unknown;
  readonly print: (snapshot: Snapshot, paint: Paint) => void;
}

const kinds: Readonly<Record<string, Kind>> = {
  frontends: {
    json: (snapshot) => snapshot.frontends,
    print: (snapshot, paint) => printTable(frontendColumns, snapshot.frontends, paint),
  },
  backends: {
    json: (snapshot) => snapshot.backends,
    print: (snapshot, paint) => printTable(backendColumns, snapshot.backends, paint),
  },
  servers: {
    json: (snapshot) => serverRows(snapshot.backends).map(({ backend, server }) => ({ backend, ...server })),
    print: (snapshot, paint) => printTable(serverColumns(snapshot.wallMs), serverRows(snapshot.backends), paint),
  },
  vrrp: {
    json: (snapshot) => snapshot.vrrp,
    print: (snapshot, paint) => printTable(vrrpColumns(snapshot.wallMs), snapshot.vrrp, paint),
  },
  lvs: {
    json: (snapshot) => snapshot.lvs?.virtualServers ?? [],
    print: (snapshot, paint) => printTable(lvsStatusColumns(snapshot.wallMs), lvsStatusRows(snapshot.lvs), paint),
  },
};

export async function runLs(args: CliArgs): Promise<number> {
  const [word = ""] = args.rest;
  if (args.rest.length !== 1 || !Object.hasOwn(kinds, word)) {
    const [, extra] = args.rest;
    const found =
      extra !== undefined && Object.hasOwn(kinds, word)
        ? `ls shows one kind at a time, found "${word}" and "${extra}"; it knows`
        : word === ""
          ? "ls wants one of"
          : `unknown kind "${word}"${didYouMean(word, Object.keys(kinds))} ls knows`;
    return usageFailure({
      text: `${found}: ${Object.keys(kinds).join(", ")}`,
      help: "for example: ballast ls servers",
    });
  }
  const kind = kinds[word];
  const snapshot = await adminClient(args.socket).snapshot();
  if (!snapshot.ok) return clientFailure(snapshot.error);
  if (args.json) printJson(kind.json(snapshot.value));
  else kind.print(snapshot.value, painter(args));
  return exitCodes.ok;
}
