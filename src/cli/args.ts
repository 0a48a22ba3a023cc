/** argv → what was asked: one command, its words and flags, and the global flags wherever they stand. */
import { defaultSocketPath, type Environment, SYSTEM_CONFIG_PATH } from "../lib/paths.ts";
import { err, ok, type Result } from "../lib/result.ts";
import {
  type CommandName,
  type CommandRow,
  commandRow,
  commands,
  type FlagRow,
  globalFlags,
  isCommand,
  laterCommands,
} from "./commands.ts";
import { didYouMean } from "../lib/suggest.ts";

export interface CliArgs {
  /** null: nothing was asked (`ballast` alone). */
  readonly command: CommandName | null;
  /** The words after the command, flags taken out. */
  readonly rest: readonly string[];
  /** The command's own flags by their long name; `true` for one without a value. */
  readonly flags: Readonly<Record<string, string | true>>;
  readonly socket: string;
  /** -S was given: do not look elsewhere. */
  readonly socketGiven: boolean;
  readonly config: string;
  readonly configGiven: boolean;
  readonly json: boolean;
  readonly plain: boolean;
  readonly noColor: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly help: boolean;
}

/** Exit 64: the text says what was wrong, the help what to type instead. */
export interface UsageError {
  readonly text: string;
  readonly help: string;
}

export interface Caller {
  readonly uid: number;
  readonly env: Environment;
}

/** Parses argv without the program's own name. `--` ends the flags; `--flag=value` and `--flag value` are the same. */
export function parseArgs(argv: readonly string[], caller: Caller): Result<CliArgs, UsageError> {
  const found: Record<string, string | true> = {};
  const words: string[] = [];
  const row = rowOf(argv);
  if (!row.ok) return row;
  const known: readonly FlagRow[] = [...globalFlags, ...(row.value?.flags ?? [])];
  let index = 0;
  while (index < argv.length) {
    const word = argv[index] ?? "";
    index++;
    if (word === "--") {
      words.push(...argv.slice(index));
      break;
    }
    if (!word.startsWith("-") || word === "-") {
      words.push(word);
      continue;
    }
    const taken = takeFlag(word, argv[index], known);
    if (!taken.ok) return taken;
    const before = found[taken.value.name];
    const several = taken.value.many && typeof before === "string";
    found[taken.value.name] = several ? `${before},${taken.value.value}` : taken.value.value;
    if (taken.value.usedNext) index++;
  }
  return build(words, found, caller);
}

export function flagOn(args: CliArgs, name: string): boolean {
  return args.flags[name] !== undefined;
}

/** The value of a flag that takes one; null when it was not given. */
export function flagText(args: CliArgs, name: string): string | null {
  const value = args.flags[name];
  return typeof value === "string" ? value : null;
}

/** The command's row, found first: its flags decide which words are values. */
function rowOf(argv: readonly string[]): Result<CommandRow | null, UsageError> {
  const command = firstWord(argv);
  if (command === null) return ok(null);
  if (isCommand(command)) return ok(commandRow(command));
  if (laterCommands.includes(command)) {
    return err({ text: `"ballast ${command}" is not supported yet`, help: "what is there: ballast help" });
  }
  return err({
    text: `unknown command "${command}"${didYouMean(command, [...Object.keys(commands), ...laterCommands])}`,
    help: "see: ballast help",
  });
}

function firstWord(argv: readonly string[]): string | null {
  let index = 0;
  while (index < argv.length) {
    const word = argv[index] ?? "";
    if (word === "--") return argv[index + 1] ?? null;
    if (!word.startsWith("-") || word === "-") return word;
    const flag = findFlag(flagName(word), globalFlags);
    // "-S path status": the path is no command.
    index += flag?.value !== undefined && !word.includes("=") && !isGlued(word) ? 2 : 1;
  }
  return null;
}

interface TakenFlag {
  readonly name: string;
  readonly value: string | true;
  readonly usedNext: boolean;
  readonly many: boolean;
}

function takeFlag(word: string, next: string | undefined, known: readonly FlagRow[]): Result<TakenFlag, UsageError> {
  const name = flagName(word);
  const flag = findFlag(name, known);
  if (flag === undefined) {
    const longNames = known.map((row) => `--${row.name}`);
    return err({ text: `unknown flag "${word}"${didYouMean(word, longNames)}`, help: "see: ballast help" });
  }
  const inline = word.startsWith("--") ? afterEquals(word) : isGlued(word) ? word.slice(2) : null;
  if (flag.value === undefined) {
    if (inline !== null)
      return err({ text: `--${flag.name} takes no value, found "${inline}"`, help: "see: ballast help" });
    return ok({ name: flag.name, value: true, usedNext: false, many: false });
  }
  const many = flag.many === true;
  if (inline !== null) return ok({ name: flag.name, value: inline, usedNext: false, many });
  if (next === undefined)
    return err({ text: `--${flag.name} wants a value: ${flag.value}`, help: "see: ballast help" });
  return ok({ name: flag.name, value: next, usedNext: true, many });
}

function flagName(word: string): string {
  if (word.startsWith("--")) return word.slice(2).split("=", 1)[0] ?? "";
  return word.slice(1, 2);
}

function isGlued(word: string): boolean {
  return !word.startsWith("--") && word.length > 2;
}

function afterEquals(word: string): string | null {
  const at = word.indexOf("=");
  return at < 0 ? null : word.slice(at + 1);
}

function findFlag(name: string, known: readonly FlagRow[]): FlagRow | undefined {
  return known.find((row) => row.name === name || (name.length === 1 && row.short === name));
}

function build(
  words: readonly string[],
  found: Record<string, string | true>,
  caller: Caller,
): Result<CliArgs, UsageError> {
  const [command = null, ...rest] = words;
  const isGlobal = (name: string): boolean => globalFlags.some((row) => row.name === name);
  const { socket, config } = found;
  // An unset variable in a script; fetch would take an empty path for no socket at all.
  if (socket === "") return err({ text: "--socket wants a path, found an empty one", help: "see: ballast help" });
  return ok({
    command: command !== null && isCommand(command) ? command : null,
    rest,
    flags: Object.fromEntries(Object.entries(found).filter(([name]) => !isGlobal(name))),
    socket: typeof socket === "string" ? socket : defaultSocketPath(caller.uid, caller.env),
    socketGiven: socket !== undefined,
    config: typeof config === "string" ? config : SYSTEM_CONFIG_PATH,
    configGiven: config !== undefined,
    json: found["json"] === true,
    plain: found["plain"] === true,
    // https://no-color.org: present and not empty.
    noColor: found["no-color"] === true || found["plain"] === true || (caller.env["NO_COLOR"] ?? "") !== "",
    quiet: found["quiet"] === true,
    verbose: found["verbose"] === true,
    help: found["help"] === true,
  });
}
