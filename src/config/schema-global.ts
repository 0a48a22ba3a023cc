/** Rows of [global] and [admin]. */
import { OBJECT_MAX, WORKER_MAX } from "../stats/layout.ts";
import { DURATION_MS_MAX } from "../lib/units.ts";
import { UNIX_PATH_BYTES_MAX } from "./schema-address.ts";
import { later, row, shorthand, table } from "./schema-table.ts";
import type { Type } from "./schema-type.ts";
import { choice, duration, integer, mismatch, oneOrList, text } from "./schema-type.ts";
import { logFacilities, logLevels } from "./types.ts";

/** Frontends, backends and servers together have this many places in the shared counters. */
export const OBJECT_COUNT_MAX = OBJECT_MAX;
/** Beyond a million descriptors pairs the kernel's own limits come first. */
export const CONNECTION_COUNT_MAX = 1_000_000;

/** The kernel's struct sockaddr_un has no room for more (unix(7)). */
const socketPath: Type<string> = {
  words: `an absolute path of at most ${UNIX_PATH_BYTES_MAX} bytes`,
  sections: [],
  decode: (value, at, sink) => {
    const isPath = typeof value === "string" && /^\/[^\0]*[^/\0]$/.test(value);
    return isPath && Buffer.byteLength(value) <= UNIX_PATH_BYTES_MAX
      ? value
      : mismatch(socketPath.words, value, at, sink);
  },
};

export const absolutePath = text("an absolute path", /^\/[^\0]*$/);
const accountName = text("a user or group name", /^[A-Za-z_][A-Za-z0-9_.-]*\$?$/);

const workerCount: Type<number | "auto"> = {
  words: `"auto" or a whole number, 1–${WORKER_MAX}`,
  sections: [],
  decode: (value, at, sink) => {
    if (value === "auto") return "auto";
    if (typeof value === "number") return integer(1, WORKER_MAX).decode(value, at, sink);
    return mismatch(workerCount.words, value, at, sink);
  },
};

export const logTargetRows = {
  target: row(text("a log target", /^.+$/s), "stderr, stdout, file:PATH, unix:PATH or syslog://ADDRESS:PORT", {
    required: true,
  }),
  facility: row(choice(logFacilities), "syslog facility", { default: "local0" }),
  level: row(choice(logLevels), "least severe level that is written", { default: "info" }),
  format: row(choice(["rfc3164", "rfc5424", "plain"], ["json"]), "form of a line", {
    defaultWords: "rfc3164 to syslog, plain elsewhere",
  }),
} as const;

export const globalRows = {
  node: row(text("a node name", /^[A-Za-z0-9][A-Za-z0-9_.-]{0,252}$/), "name of this machine in logs and events", {
    defaultWords: "the host name",
  }),
  user: row(accountName, "user that unprivileged roles run as when started as root", {
    defaultWords: "ballast, or nobody where that is absent",
    was: ["uid"],
  }),
  group: row(accountName, "group that unprivileged roles run as when started as root", {
    defaultWords: "ballast, or the group of nobody",
    was: ["gid"],
  }),
  workers: row(workerCount, "proxy worker processes", { default: "auto", was: ["nbproc", "nbthread", "cpu_map"] }),
  maxconn: row(integer(1, CONNECTION_COUNT_MAX), "client connections of the whole appliance", {
    defaultWords: "what the descriptor limit allows, at most 20000",
  }),
  log: row(
    oneOrList(shorthand("log", "target", logTargetRows)),
    "where log lines go; none: nowhere but stderr's events",
    {
      default: [],
    },
  ),
  hard_stop_after: row(duration(0, DURATION_MS_MAX), "how long an orderly stop waits for sessions", { default: "30s" }),
  spread_checks: row(integer(0, 50), "percent of the interval by which checks are spread", { default: 0 }),
  pidfile: row(absolutePath, "file with the supervisor's process id", { defaultWords: "none" }),
} as const;

export const adminRows = {
  socket: row(socketPath, "Unix socket of the admin API", {
    defaultWords: "/run/ballast/ballast.sock, or the user's runtime directory",
  }),
  admin_group: row(accountName, "group whose members may change things through the socket", {
    defaultWords: "none: root and the daemon's own user",
  }),
  haproxy_socket: later(absolutePath, "socket that speaks HAProxy's runtime commands"),
  metrics: later(text("an address"), "address of the Prometheus endpoint"),
} as const;

export const globalTable = table("global", globalRows);
export const adminTable = table("admin", adminRows);
