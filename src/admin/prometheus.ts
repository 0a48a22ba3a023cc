/**
 * A Snapshot in the text format of Prometheus (exposition format 0.0.4), native names.
 * One family after the other, each with HELP and TYPE, as the format wants it.
 */
import { adminStates, healthStates } from "../ipc/messages.ts";
import { isActive } from "../lib/state-words.ts";
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
import { lvsFamilies } from "./prometheus-lvs.ts";
import { latencyBoundsMs, type ServerStatus, type Snapshot, type VrrpStateName } from "./api.ts";

export const PROMETHEUS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

const codeClasses = ["1xx", "2xx", "3xx", "4xx", "5xx"] as const;
const vrrpStates: readonly VrrpStateName[] = ["init", "backup", "master", "fault", "maint"];

const families: readonly Family[] = [
  gauge("ballast_build_info", "Version of the running program.", (s) => [sample({ version: s.version }, 1)]),
  gauge("ballast_config_last_reload_success", "1: the last reload was applied.", (s) => [
    sample({}, s.config.lastReloadOk ? 1 : 0),
  ]),
  gauge("ballast_connections", "Client connections of the appliance.", (s) => [sample({}, s.limits.connections)]),
  gauge("ballast_connections_limit", "global.maxconn.", (s) => [sample({}, s.limits.maxconn)]),

  frontend("ballast_frontend_connections", "gauge", "Client connections now.", (f) => f.connections),
  frontend("ballast_frontend_connections_total", "counter", "Client connections accepted.", (f) => f.connectionsTotal),
  counter("ballast_frontend_requests_total", "Requests answered, by class of the status.", (s) =>
    s.frontends.flatMap((f) => codeClasses.map((code, i) => sample({ frontend: f.name, code }, f.responses[i] ?? 0))),
  ),
  frontend("ballast_frontend_received_bytes_total", "counter", "Bytes from clients.", (f) => f.receivedBytes),
  frontend("ballast_frontend_sent_bytes_total", "counter", "Bytes to clients.", (f) => f.sentBytes),
  counter("ballast_frontend_denied_total", "Requests refused by a rule or as malformed.", (s) =>
    s.frontends.flatMap((f) => [
      sample({ frontend: f.name, reason: "rule" }, f.deniedRequests),
      sample({ frontend: f.name, reason: "malformed" }, f.badRequests),
    ]),
  ),
  {
    name: "ballast_request_duration_seconds",
    type: "histogram",
    help: "Time from the first byte of a request to the last byte of its response.",
    samples: (s) => s.frontends.flatMap((f) => histogram({ frontend: f.name }, f.latency)),
  },

  gauge("ballast_backend_servers", "Servers by state.", (s) =>
    s.backends.flatMap((b) =>
      [...healthStates, "active"].map((state) =>
        sample(
          { backend: b.name, state },
          b.servers.filter((server) => (state === "active" ? isActive(server) : server.health === state)).length,
        ),
      ),
    ),
  ),
  gauge("ballast_backend_queue", "Requests that wait for a server.", (s) =>
    s.backends.map((b) => sample({ backend: b.name }, b.queue)),
  ),

  gauge("ballast_server_state", "1 for the state that the server is in: health and the operator's order.", (s) =>
    s.backends.flatMap((b) =>
      b.servers.flatMap((server) => [
        ...healthStates.map((state) => sample(serverLabels(b.name, server, { state }), flag(server.health === state))),
        ...adminStates.map((state) => sample(serverLabels(b.name, server, { state }), flag(server.admin === state))),
      ]),
    ),
  ),
  server("ballast_server_weight", "gauge", "Effective weight, 0 to 256.", (x) => x.weight),
  server("ballast_server_sessions", "gauge", "Requests or connections being served.", (x) => x.sessions),
  server("ballast_server_sessions_total", "counter", "Requests or connections served.", (x) => x.sessionsTotal),
  server("ballast_server_queue", "gauge", "Requests that wait for this server.", (x) => x.queue),
  counter("ballast_server_errors_total", "Failed connections and unusable responses.", (s) =>
    s.backends.flatMap((b) =>
      b.servers.flatMap((x) => [
        sample(serverLabels(b.name, x, { kind: "connect" }), x.connectErrors),
        sample(serverLabels(b.name, x, { kind: "response" }), x.responseErrors),
      ]),
    ),
  ),
  server("ballast_server_retries_total", "counter", "Connections tried again.", (x) => x.retries),
  server("ballast_server_check_duration_seconds", "gauge", "Duration of the last health check.", (x) =>
    x.check === null ? null : x.checkDurationMs / 1000,
  ),

  gauge("ballast_vrrp_state", "1 for the state that the instance is in.", (s) =>
    s.vrrp.flatMap((v) => vrrpStates.map((state) => sample({ instance: v.instance, state }, flag(v.state === state)))),
  ),
  gauge("ballast_vrrp_priority", "Effective priority.", (s) =>
    s.vrrp.map((v) => sample({ instance: v.instance }, v.priority)),
  ),
  gauge("ballast_vrrp_path_up", "Whether the path of adverts can be used and the master is heard on it.", (s) =>
    s.vrrp.flatMap((v) =>
      (v.paths ?? []).map(({ path, state }) => sample({ instance: v.instance, path }, flag(state === "up"))),
    ),
  ),
  counter("ballast_vrrp_adverts_total", "Advertisements.", (s) =>
    s.vrrp.flatMap((v) => [
      sample({ instance: v.instance, direction: "sent" }, v.advertsSent),
      sample({ instance: v.instance, direction: "received" }, v.advertsReceived),
    ]),
  ),
  counter("ballast_vrrp_errors_total", "Advertisements that were dropped, by reason.", (s) =>
    s.vrrp.flatMap((v) =>
      Object.entries(v.errors).map(([kind, count]) => sample({ instance: v.instance, kind }, count)),
    ),
  ),
  counter("ballast_vrrp_garp_sent_total", "Gratuitous ARP and unsolicited neighbour advertisements.", (s) =>
    s.vrrp.map((v) => sample({ instance: v.instance }, v.garpSent)),
  ),
  ...lvsFamilies,
];

/** The whole page. A family without a sample is left out. */
export function prometheusText(snapshot: SharedView): string {
  const lines: string[] = [];
  for (const { name, type, help, samples } of families) {
    const found = samples(snapshot);
    if (found.length === 0) continue;
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
    for (const { suffix, labels, value } of found) lines.push(`${name}${suffix}${labelText(labels)} ${value}`);
  }
  return `${lines.join("\n")}\n`;
}

/** One sample a frontend. */
function frontend(
  name: string,
  type: "gauge" | "counter",
  help: string,
  value: (status: Snapshot["frontends"][number]) => number,
): Family {
  const samples = (s: SharedView): readonly Sample[] =>
    s.frontends.map((status) => sample({ frontend: status.name }, value(status)));
  return { name, type, help, samples };
}

/** One sample a server; null: none. */
function server(
  name: string,
  type: "gauge" | "counter",
  help: string,
  value: (status: ServerStatus) => number | null,
): Family {
  const samples = (s: SharedView): readonly Sample[] =>
    s.backends.flatMap((backend) =>
      backend.servers.flatMap((status) => {
        const figure = value(status);
        return figure === null ? [] : [sample(serverLabels(backend.name, status, {}), figure)];
      }),
    );
  return { name, type, help, samples };
}

function serverLabels(backend: string, status: ServerStatus, more: Labels): Labels {
  return { backend, server: status.name, ...more };
}

/** Cumulative buckets as the snapshot has them. There is no `_sum`: workers count requests per bucket, not seconds. */
function histogram(labels: Labels, cumulative: readonly number[]): readonly Sample[] {
  const total = cumulative.at(-1) ?? 0;
  const buckets = cumulative.map((count, i): Sample => {
    const boundMs = latencyBoundsMs[i];
    const le = boundMs === undefined ? "+Inf" : String(boundMs / 1000);
    return { suffix: "_bucket", labels: { ...labels, le }, value: count };
  });
  return [...buckets, { suffix: "_count", labels, value: total }];
}

/** Backslash, quote and line feed are escaped in label values. */
function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(
    ([name, value]) => `${name}="${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`,
  );
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}
