/** Every command of the program with its flags: the parser, `ballast help` and completion read this one table. */

export interface FlagRow {
  readonly name: string;
  readonly short?: string;
  /** What the value is called; absent: the flag stands alone. */
  readonly value?: string;
  /** May be given several times: the values come with commas between them. */
  readonly many?: true;
  readonly help: string;
}

export interface CommandRow {
  readonly usage: string;
  readonly help: string;
  readonly flags: readonly FlagRow[];
  /** Words that may follow, for messages; empty: none or free text. */
  readonly words?: readonly string[];
}

export const globalFlags = [
  { name: "config", short: "c", value: "FILE", help: "configuration file (default /etc/ballast/ballast.toml)" },
  { name: "socket", short: "S", value: "SOCKET", help: "admin socket of the daemon" },
  { name: "json", help: "machine-readable output" },
  { name: "plain", help: "no colour, no drawing" },
  { name: "no-color", help: "no colour (NO_COLOR does the same)" },
  { name: "quiet", short: "q", help: "errors only" },
  { name: "verbose", short: "v", help: "more talk on stderr" },
  { name: "help", short: "h", help: "this help" },
] as const satisfies readonly FlagRow[];

const tuiFlags = [
  { name: "readonly", help: "show only, refuse every order" },
  { name: "once", help: "print one frame and end" },
  { name: "no-mouse", help: "leave the mouse to the terminal" },
  { name: "no-unicode", help: "ASCII only" },
  { name: "refresh", value: "1s", help: "time between two looks at the daemon" },
  { name: "view", value: "NAME", help: "overview, frontends, backends, vrrp, events or config" },
  { name: "filter", value: "RE", help: "start with this filter" },
] as const satisfies readonly FlagRow[];

export const commands = {
  run: {
    usage: "run [--daemon]",
    help: "run the load balancer in the foreground",
    flags: [{ name: "daemon", help: "go to the background and write the pidfile" }],
  },
  up: { usage: "up", help: "start a daemon and watch it in the terminal", flags: tuiFlags },
  tui: { usage: "tui [--readonly] [--view NAME]", help: "the terminal UI of a running daemon", flags: tuiFlags },
  demo: {
    usage: "demo [--ha] [--duration 20s]",
    help: "show what it does: toy backends, a small load, no configuration, no root",
    flags: [
      { name: "ha", help: "two appliances and a VIP that fails over (root)" },
      { name: "duration", value: "TIME", help: "end after this time (default 20s without a terminal)" },
      ...tuiFlags,
    ],
  },
  check: {
    usage: "check [--strict] [--peer FILE]",
    help: "validate the configuration, all problems with line and column",
    flags: [
      { name: "strict", help: "warnings fail too (exit 1)" },
      { name: "peer", value: "FILE", help: "the other node's configuration: would each failure move the VIP?" },
    ],
  },
  reload: {
    usage: "reload [--wait 30s]",
    help: "load the configuration file into the running daemon",
    flags: [{ name: "wait", value: "TIME", help: "give up after this time (exit 75)" }],
  },
  stop: {
    usage: "stop [--now]",
    help: "hand VIPs over, drain and stop the daemon",
    flags: [{ name: "now", help: "do not wait for sessions" }],
  },
  status: {
    usage: "status [--watch] [--nagios]",
    help: "what runs, what is wrong (exit 1 when something is)",
    flags: [
      { name: "watch", help: "again every two seconds until interrupted" },
      { name: "nagios", help: "one line and exit code 0, 1, 2 or 3 for monitoring systems" },
    ],
  },
  ls: {
    usage: "ls frontends|backends|servers|vrrp|lvs",
    help: "a table of one kind of object",
    flags: [],
    words: ["frontends", "backends", "servers", "vrrp", "lvs"],
  },
  show: {
    usage: "show config [--defaults] | show OBJECT",
    help: "the running configuration or one object in full",
    flags: [{ name: "defaults", help: "with every default filled in" }],
  },
  server: {
    usage: "server ready|drain|maint BACKEND/SERVER … [--reason T] | server weight BACKEND/SERVER N",
    help: "take servers out of service and back",
    flags: [
      { name: "reason", value: "TEXT", help: "goes into the event log" },
      { name: "wait-idle", value: "TIME", help: "after drain or maint: wait until the sessions have ended (exit 75)" },
    ],
    words: ["ready", "drain", "maint", "weight"],
  },
  vrrp: {
    usage: "vrrp status|why|failover|maint|resume [INSTANCE]",
    help: "virtual addresses: who holds them and why; hand one over",
    flags: [],
    words: ["status", "why", "failover", "maint", "resume"],
  },
  lvs: {
    usage:
      "lvs ls [--ipvsadm [--rate|--stats|--connections]] | save | restore [FILE] | drain|ready SERVICE/SERVER [--wait 5m]",
    help: "the kernel's LVS table: show, save, restore, drain a real server",
    flags: [
      { name: "ipvsadm", help: "as ipvsadm -L -n prints it" },
      { name: "rate", help: "with --ipvsadm: rates" },
      { name: "stats", help: "with --ipvsadm: totals" },
      { name: "connections", help: "with --ipvsadm: the connections" },
      { name: "wait", value: "TIME", help: "drain: give up waiting after this time (exit 75, default 5m)" },
    ],
    words: ["ls", "save", "restore", "drain", "ready"],
  },
  realserver: {
    usage: "realserver up|down|status|unit [--vip IP …] [--interface lo] [--dry-run]",
    help: "this machine behind an LVS-DR director: VIPs that nobody hears of by ARP; unit prints a systemd unit",
    flags: [
      { name: "vip", value: "IP", many: true, help: "a virtual address (default: [realserver] of the configuration)" },
      { name: "interface", value: "NAME", help: "the interface that carries them (default lo)" },
      { name: "dry-run", help: "print the equal shell commands and change nothing" },
    ],
    words: ["up", "down", "status", "unit"],
  },
  doctor: {
    usage: "doctor dr",
    help: "whether this machine fulfils what LVS direct routing demands, with remedies",
    flags: [],
    words: ["dr"],
  },
  events: {
    usage: "events [-f] [--since 1h]",
    help: "what happened",
    flags: [
      { name: "follow", short: "f", help: "stay and print what happens next" },
      { name: "since", value: "TIME", help: "only events younger than this, for example 10m" },
    ],
  },
  schema: {
    usage: "schema [SECTION]",
    help: "every key of the configuration: type, default, meaning",
    flags: [],
  },
  version: { usage: "version", help: "version and commit", flags: [] },
  help: { usage: "help [COMMAND]", help: "this help, or a command's", flags: [] },
} as const satisfies Readonly<Record<string, CommandRow>>;

export type CommandName = keyof typeof commands;

export function isCommand(word: string): word is CommandName {
  return Object.hasOwn(commands, word);
}

export function commandRow(name: CommandName): CommandRow {
  return commands[name];
}

/** Planned words: a plain answer instead of "unknown command". */
export const laterCommands: readonly string[] = [
  "plan",
  "rollback",
  "upgrade",
  "metrics",
  "dump",
  "log",
  "import",
  "bench",
  "init",
  "completions",
  "man",
  "install",
  "uninstall",
  "licenses",
];
