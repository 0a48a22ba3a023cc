/** Families of LVS: virtual servers and their real servers, as the director and the kernel's table have them. */
import type { RealServerStatus, VirtualServerStatus } from "./api.ts";
import {
  counter,
  type Family,
  flag,
  gauge,
  type Labels,
  type Sample,
  sample,
  type SharedView,
} from "./prometheus-family.ts";

const healthStates = ["up", "down", "unchecked"] as const;

export const lvsFamilies: readonly Family[] = [
  gauge("ballast_lvs_table_trouble", "1: the kernel's table is not as it should be.", (s) =>
    s.lvs === undefined ? [] : [sample({}, flag(s.lvs.troubles.length > 0))],
  ),
  gauge("ballast_lvs_virtual_quorum", "1: the virtual server has its quorum.", (s) =>
    virtuals(s, (virtual) => flag(virtual.hasQuorum)),
  ),
  gauge("ballast_lvs_virtual_weight", "Weight of the real servers that live and are not drained.", (s) =>
    virtuals(s, ({ weight }) => weight),
  ),
  counter("ballast_lvs_virtual_connections_total", "Connections since the service was made.", (s) =>
    virtuals(s, ({ connectionsTotal }) => connectionsTotal),
  ),
  counter("ballast_lvs_virtual_received_bytes_total", "Bytes from clients.", (s) =>
    virtuals(s, ({ receivedBytes }) => receivedBytes),
  ),
  counter("ballast_lvs_virtual_sent_bytes_total", "Bytes to clients through the director: with nat only.", (s) =>
    virtuals(s, ({ sentBytes }) => sentBytes),
  ),
  gauge("ballast_lvs_real_state", "1 for the state that the real server is in.", (s) =>
    reals(s, (real) =>
      [
        ...healthStates.map((state) => [state, real.health === state] as const),
        ["drain", real.admin === "drain"] as const,
      ].map(([state, is]) => [{ state }, flag(is)] as const),
    ),
  ),
  gauge("ballast_lvs_real_weight", "In the kernel's table; absent: not in it.", (s) =>
    reals(s, ({ tableWeight }) => (tableWeight === null ? [] : [[{}, tableWeight]])),
  ),
  gauge("ballast_lvs_real_connections", "Connections in the kernel's table.", (s) =>
    reals(s, (real) => [
      [{ kind: "active" }, real.activeConnections],
      [{ kind: "inactive" }, real.inactiveConnections],
      [{ kind: "persistent" }, real.persistentConnections],
    ]),
  ),
  counter("ballast_lvs_real_connections_total", "Connections since the real server came into the table.", (s) =>
    reals(s, ({ connectionsTotal }) => [[{}, connectionsTotal]]),
  ),
];

function virtuals(s: SharedView, value: (virtual: VirtualServerStatus) => number): readonly Sample[] {
  return (s.lvs?.virtualServers ?? []).map((virtual) => sample({ virtual: virtual.name }, value(virtual)));
}

function reals(
  s: SharedView,
  values: (real: RealServerStatus) => readonly (readonly [Labels, number])[],
): readonly Sample[] {
  return (s.lvs?.virtualServers ?? []).flatMap((virtual) =>
    virtual.realServers.flatMap((real) =>
      values(real).map(([labels, value]) => sample({ virtual: virtual.name, real: real.name, ...labels }, value)),
    ),
  );
}
