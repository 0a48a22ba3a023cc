/** What a configuration depends on besides its own text; passed in, so that parsing stays pure. */
import type { Result } from "../lib/result.ts";

export interface ConfigEnvironment {
  /** Path of the main file, for messages and for relative includes. */
  readonly path: string;
  /** Text of a file, or why it cannot be read ("no such file"). */
  readonly readFile: (path: string) => Result<string, string>;
  /** Names in a directory; null when there is none. Without this function, includes take no wildcards. */
  readonly listDirectory?: (path: string) => readonly string[] | null;
  /** Whether the path is a file that somebody may execute. Without this function, programs are taken as they are. */
  readonly isProgram?: (path: string) => boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly hostName: string;
  readonly cpuCount: number;
  /** RLIMIT_NOFILE of one process. */
  readonly fdLimit: number;
  /** Socket of the admin API when the file names none. */
  readonly adminSocket?: string;
  /** Accounts of this machine; without them, names are taken as they are. */
  readonly users?: readonly string[];
  readonly groups?: readonly string[];
  /** Network interfaces of this machine; without them, names are taken as they are. */
  readonly interfaces?: readonly string[];
  /** Whether roles will change to the user: only then must it exist. */
  readonly isRoot?: boolean;
}
