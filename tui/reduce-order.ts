/** From the cursor or the marks to the dialog of an order. Pure. */
import type { ServerStatus } from "../src/admin/api.ts";
import { currentSnapshot, type Model, type ServerTarget } from "./model.ts";
import { notify } from "./notice.ts";
import { openDialog } from "./reduce-dialog.ts";
import { serverKey } from "./rates.ts";
import { selectedKey } from "./rows.ts";

/** The marked servers, or the one under the cursor. */
function serverTargets(model: Model): readonly ServerTarget[] {
  const all = (currentSnapshot(model)?.backends ?? []).flatMap((backend) =>
    backend.servers.map((server) => ({ backend: backend.name, server: server.name })),
  );
  const selected = selectedKey(model);
  const wanted = (target: ServerTarget): boolean => {
    const key = serverKey(target.backend, target.server);
    return model.marked.size > 0 ? model.marked.has(key) : key === selected;
  };
  return all.filter(wanted);
}

export function orderServers(model: Model, state: ServerStatus["admin"]): Model {
  const targets = serverTargets(model);
  if (targets.length === 0) return notify(model, "put the cursor on a server, or mark some with Space", "warn");
  return openDialog(model, { kind: "server", state, targets });
}

export function orderWeight(model: Model): Model {
  const [target, ...more] = serverTargets(model);
  if (target === undefined) return notify(model, "put the cursor on a server", "warn");
  if (more.length > 0) return notify(model, "a weight is set for one server at a time", "warn");
  return openDialog(model, { kind: "weight", target });
}

export function orderVrrp(model: Model, order: "failover" | "maint" | "resume"): Model {
  const instance = selectedKey(model);
  if (instance === null) return notify(model, "no VRRP instance here", "warn");
  return openDialog(model, { kind: "vrrp", order, instance });
}
