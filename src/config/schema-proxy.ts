/** Rows of [defaults], [frontend.NAME], [backend.NAME] and [listen.NAME]. */
import { bindAddress, serverAddress } from "./schema-address.ts";
import { checkOrBoolean } from "./schema-check.ts";
import { absolutePath, CONNECTION_COUNT_MAX } from "./schema-global.ts";
import { aclDefinitions, ruleTable } from "./schema-rule.ts";
import { later, nameForm, row, shorthand, table } from "./schema-table.ts";
import { optionList, timeoutTable } from "./schema-tuning.ts";
import { boolean, choice, integer, list, oneOrList, only, text } from "./schema-type.ts";

const name = text("a name of letters, digits and - _ . :", nameForm);
const mode = row(choice(["tcp", "http"]), "what is balanced: connections or requests", { default: "tcp" });
const rules = row(list(ruleTable), "what to do with a request; the first final action that applies ends the list");
const acl = row(aclDefinitions, "named conditions; several definitions of one name are alternatives");
const maxconn = row(integer(1, CONNECTION_COUNT_MAX), "concurrent client connections of a frontend", {
  defaultWords: "global.maxconn",
});
const timeouts = row(timeoutTable, "time limits; keys that are not given come from [defaults]", {
  was: ["timeout", "contimeout", "clitimeout", "srvtimeout"],
});
const retries = row(integer(0, 100), "further attempts after a failed connection", { default: 3 });
const check = row(checkOrBoolean, "health check of the servers; true: tcp", { defaultWords: "none", was: ["httpchk"] });
const defaultBackend = row(name, "backend of requests that no rule sends elsewhere");
const balance = row(
  choice(
    ["roundrobin", "leastconn", "source"],
    ["static-rr", "first", "random", "uri", "url_param", "hdr", "rdp-cookie", "hash"],
  ),
  "which server takes the next request",
  { default: "roundrobin", was: ["lb_algo", "lvs_sched", "scheduler"] },
);

const tlsRows = {
  certificates: row(oneOrList(absolutePath), "PEM files, or directories of them, each with chain and key", {
    required: true,
    was: ["crt", "cert", "certificate"],
  }),
  alpn: row(list(choice(["http/1.1"], ["h2"])), "protocols offered", {
    defaultWords: '["http/1.1"] in http, none in tcp',
  }),
  min_version: row(choice(["1.2", "1.3"]), "oldest TLS version", { default: "1.2" }),
  client_ca: later(absolutePath, "authorities of client certificates"),
  verify: later(choice(["none", "optional", "required"]), "client certificates"),
} as const;

const bindRows = {
  address: row(bindAddress, 'where to listen: "*:80", "[::]:80", "unix:PATH", "vip:NAME:80"', { required: true }),
  tls: row(table("tls", tlsRows), "end TLS here", { was: ["ssl"] }),
  accept_proxy: row(only(false, boolean), "(true is not supported yet) clients send the PROXY protocol", {
    default: false,
  }),
} as const;

const bind = row(oneOrList(shorthand("bind", "address", bindRows)), "where to listen", { required: true });

const serverRows = {
  name: row(name, "name of the server", { defaultWords: "its address" }),
  address: row(serverAddress, "where to connect", { required: true }),
  weight: row(integer(0, 256), "share of the requests; 0 takes none", { default: 1 }),
  maxconn: row(integer(1, CONNECTION_COUNT_MAX), "concurrent requests; further ones queue", {
    defaultWords: "no limit",
  }),
  backup: row(boolean, "used only when no other server is", { default: false }),
  check: row(checkOrBoolean, "keys that differ from the backend's check; false: none"),
  cookie: later(text(), "value of the persistence cookie"),
  slowstart: later(text(), "time to full weight after coming up"),
  tls: later(text(), "TLS to the server"),
  send_proxy: later(text(), "PROXY protocol to the server"),
  minconn: later(integer(1, CONNECTION_COUNT_MAX), "lower bound of a dynamic limit"),
  observe: later(text(), "learn health from traffic"),
} as const;

const servers = row(list(shorthand("servers", "address", serverRows)), "who answers");

const laterFrontend = {
  monitor_uri: later(text(), "path that answers for this node's health"),
  monitor_fail: later(text(), "condition under which it answers 503"),
  stats: later(text(), "statistics page"),
} as const;

const laterBackend = {
  hash_type: later(choice(["map-based", "consistent"]), "how hashes choose a server"),
  cookie: later(text(), "persistence by cookie"),
  fullconn: later(integer(1, CONNECTION_COUNT_MAX), "load at which servers reach their limits"),
} as const;

const both = ["frontend", "backend"] as const;

export const frontendRows = {
  bind,
  mode,
  maxconn,
  default_backend: defaultBackend,
  acl,
  rules,
  options: row(optionList(["frontend"]), 'added to those of [defaults]; "no NAME" takes one away', { was: ["option"] }),
  timeouts,
  ...laterFrontend,
} as const;

export const backendRows = {
  mode,
  balance,
  servers,
  check,
  acl,
  rules,
  retries,
  options: row(optionList(["backend"]), 'added to those of [defaults]; "no NAME" takes one away', { was: ["option"] }),
  timeouts,
  ...laterBackend,
} as const;

export const listenRows = {
  bind,
  mode,
  maxconn,
  balance,
  servers,
  check,
  acl,
  rules,
  retries,
  options: row(optionList(both), 'added to those of [defaults]; "no NAME" takes one away', { was: ["option"] }),
  timeouts,
  ...laterFrontend,
  ...laterBackend,
} as const;

/** Any key of a frontend or a backend that makes sense for all of them. */
export const defaultsRows = {
  mode,
  maxconn,
  default_backend: defaultBackend,
  balance,
  check,
  retries,
  options: row(optionList(both), "for every frontend and backend", { was: ["option"] }),
  timeouts,
  acl: later(aclDefinitions, "named conditions for all"),
  rules: later(list(ruleTable), "rules for all"),
  ...laterFrontend,
  ...laterBackend,
} as const;

export const defaultsTable = table("defaults", defaultsRows);
export const frontendTable = table("frontend", frontendRows);
export const backendTable = table("backend", backendRows);
export const listenTable = table("listen", listenRows);
export { bindRows, serverRows, tlsRows };
