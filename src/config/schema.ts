/** The whole configuration language: sections, keys, types, defaults, and what is not supported yet. */
import { alertsTable } from "./schema-alerts.ts";
import { adminTable, globalTable } from "./schema-global.ts";
import { ipvsTable, realserverTable, virtualServerTable } from "./schema-lvs.ts";
import { backendTable, defaultsTable, frontendTable, listenTable } from "./schema-proxy.ts";
import { named, row, table } from "./schema-table.ts";
import type { Decoded } from "./schema-type.ts";
import { list, text } from "./schema-type.ts";
import { vrrpGroupTable, vrrpScriptTable, vrrpTable } from "./schema-vrrp.ts";

export const documentRows = {
  include: row(
    list(text("a path, where * and ? stand for any characters"), 1000),
    "further files, relative to this one",
  ),
  global: row(globalTable, "the process as a whole"),
  admin: row(adminTable, "the admin socket"),
  defaults: row(defaultsTable, "keys for every frontend and backend that does not set them"),
  frontend: row(named(frontendTable), "where clients connect"),
  backend: row(named(backendTable), "servers that answer"),
  listen: row(named(listenTable), "frontend and backend in one"),
  vrrp: row(named(vrrpTable), "virtual routers", { was: ["vrrp_instance"] }),
  vrrp_script: row(named(vrrpScriptTable), "check scripts that virtual routers track"),
  vrrp_group: row(named(vrrpGroupTable), "virtual routers that change state together", { was: ["vrrp_sync_group"] }),
  alerts: row(alertsTable, "messages to people"),
  virtual_server: row(named(virtualServerTable), "LVS services and who answers them", { was: ["virtual_servers"] }),
  ipvs: row(ipvsTable, "settings of the kernel's IPVS"),
  realserver: row(realserverTable, "this machine behind an LVS director: ballast realserver"),
} as const;

export const documentTable = table("", documentRows);
export type Document = Decoded<typeof documentRows>;

/** One line of the reference manual. */
export interface SchemaRow {
  readonly section: string;
  readonly key: string;
  readonly type: string;
  readonly default: string;
  readonly doc: string;
  readonly since: "supported" | "not supported yet";
  readonly required: boolean;
}

/** Every key of every section, in the order of the language; shared tables such as timeouts appear once. */
export function schemaRows(): readonly SchemaRow[] {
  const seen = new Set<string>();
  const lines: SchemaRow[] = [];
  for (const section of documentTable.sections) {
    if (seen.has(section.name)) continue;
    seen.add(section.name);
    for (const [key, entry] of Object.entries(section.rows)) {
      const written = entry.default === undefined ? (entry.defaultWords ?? "") : JSON.stringify(entry.default);
      const { doc, since } = entry;
      const required = entry.required === true;
      lines.push({ section: section.name, key, type: entry.type.words, default: written, doc, since, required });
    }
  }
  return lines;
}
