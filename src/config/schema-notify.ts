/** Rows of `notify` in [vrrp.NAME]: programs on state changes. */
import { row, table } from "./schema-table.ts";
import type { Type } from "./schema-type.ts";
import { duration, mismatch, text } from "./schema-type.ts";

/** Characters that mean something to a shell and nothing here: whoever writes one expects a shell. */
const shellCharacters = /["'`$\\|&;<>()*?~]/;

/** A program with its arguments, for which no shell is started: "/path to it" in words, or an array. */
export const command: Type<readonly string[]> = {
  words: 'a command such as "/usr/local/bin/up.sh", or ["/path", "argument", …]',
  sections: [],
  decode: (value, at, sink) => {
    if (typeof value === "string" && shellCharacters.test(value)) {
      const help = 'no shell runs it: write an array, such as ["/bin/sh", "-c", "…"]';
      sink.error(at, `"${value}" has characters for a shell`, { found: value, wanted: command.words, help });
      return undefined;
    }
    const words = typeof value === "string" ? value.split(/\s+/).filter((word) => word !== "") : value;
    if (!isWords(words) || words.length === 0) return mismatch(command.words, value, at, sink);
    if (words[0]!.startsWith("/")) return words;
    sink.error(at, `"${words[0]}" is no absolute path`, { found: words[0]!, wanted: command.words });
    return undefined;
  },
};

/** Kernel strings end with a zero byte. */
function isWords(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((word) => typeof word === "string" && !word.includes("\0"));
}

export const notifyRows = {
  master: row(command, "run on becoming master", { was: ["notify_master"] }),
  backup: row(command, "run on becoming backup", { was: ["notify_backup"] }),
  fault: row(command, "run on entering fault", { was: ["notify_fault"] }),
  stop: row(command, "run on stopping", { was: ["notify_stop"] }),
  any: row(command, "run on every change, with INSTANCE, name, state and priority as further arguments", {
    was: ["notify"],
  }),
  fifo: row(text("an absolute path", /^\/[^\0]*$/), "named pipe that gets a line for every change", {
    was: ["notify_fifo", "vrrp_notify_fifo"],
  }),
  user: row(text("a user name", /^[^\0:\s]+$/), "user to run them as", {
    defaultWords: "global.user",
    was: ["script_user"],
  }),
  timeout: row(duration(100, 3_600_000), "time for one run, then it is killed with all its children", {
    default: "30s",
  }),
} as const;

export const notifyTable = table("vrrp.notify", notifyRows);
