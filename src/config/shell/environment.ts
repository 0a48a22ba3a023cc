/** The surroundings of a configuration on this machine, and the one way to load a file. */
import { closeSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { availableParallelism, hostname } from "node:os";
import { defaultSocketPath } from "../../lib/paths.ts";
import { err, ok } from "../../lib/result.ts";
import type { Result } from "../../lib/result.ts";
import type { ConfigEnvironment } from "../environment.ts";
import { fileIssue } from "../issue.ts";
import type { Config } from "../types.ts";
import { parseConfig } from "../parse.ts";
import type { ParsedConfig } from "../parse.ts";

/** The longest text that is read as a configuration, a secret or an include. */
const FILE_BYTES_MAX = 16 * 1024 * 1024;
const CHUNK_BYTES = 64 * 1024;
/** The kernel's default hard limit, for a machine without /proc. */
const FD_LIMIT_FALLBACK = 4096;

/** Everything that parseConfig may ask about this machine. */
export function systemEnvironment(path: string): ConfigEnvironment {
  const uid = process.getuid?.() ?? 0;
  return {
    path,
    readFile,
    listDirectory,
    isProgram,
    env: process.env,
    hostName: hostname(),
    cpuCount: availableParallelism(),
    fdLimit: descriptorLimit(),
    adminSocket: defaultSocketPath(uid, process.env),
    users: accounts("/etc/passwd"),
    groups: accounts("/etc/group"),
    ...interfaces(),
    isRoot: uid === 0,
  };
}

export interface LoadedConfig extends ParsedConfig {
  /** The main file's text; null when it could not be read. */
  readonly text: string | null;
}

/** Reads and parses a file; one that cannot be read is an issue like any other, with `text` null. */
export function loadConfig(path: string, peer: Config | null = null): LoadedConfig {
  const read = readFile(path);
  if (!read.ok) {
    const help = 'name a file with -c, or make one: see "ballast help"';
    return { text: null, config: null, masked: "", issues: [fileIssue(path, `cannot be read: ${read.error}`, help)] };
  }
  return { text: read.value, ...parseConfig(read.value, systemEnvironment(path), peer) };
}

function readFile(path: string): Result<string, string> {
  try {
    const bytes = readBytes(path);
    if (bytes === null) return err(`it is larger than ${FILE_BYTES_MAX} bytes`);
    return ok(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch (error) {
    return err(readFailure(error));
  }
}

/** All of a file; null beyond the limit. Sizes of /proc, pipes and devices are 0: whoever names those gets what they hold. */
function readBytes(path: string): Buffer | null {
  const fd = openSync(path, "r");
  try {
    const chunks: Buffer[] = [];
    for (let length = 0; length <= FILE_BYTES_MAX;) {
      const chunk = Buffer.alloc(CHUNK_BYTES);
      const count = readSync(fd, chunk);
      if (count === 0) return Buffer.concat(chunks);
      chunks.push(chunk.subarray(0, count));
      length += count;
    }
    return null;
  } finally {
    closeSync(fd);
  }
}

function readFailure(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  switch (code) {
    case "ENOENT":
      return "no such file";
    case "EACCES":
      return "permission denied";
    case "EISDIR":
      return "it is a directory";
    case "ERR_ENCODING_INVALID_ENCODED_DATA":
      return "it is not UTF-8";
    default:
      return error instanceof Error ? error.message : String(error);
  }
}

function listDirectory(path: string): readonly string[] | null {
  try {
    return readdirSync(path);
  } catch {
    return null;
  }
}

const ANYBODY_EXECUTES = 0o111;

function isProgram(path: string): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat?.isFile() === true && (stat.mode & ANYBODY_EXECUTES) !== 0;
}

/** First fields of passwd(5) or group(5). */
function accounts(path: string): readonly string[] {
  const read = readFile(path);
  if (!read.ok) return [];
  return read.value.split("\n").flatMap((line) => (line.includes(":") ? [line.split(":", 1)[0]] : []));
}

/** Of this process's network namespace (proc(5), /proc/net/dev); nothing where that cannot be read. */
function interfaces(): { readonly interfaces?: readonly string[] } {
  const read = readFile("/proc/net/dev");
  return read.ok ? { interfaces: [...read.value.matchAll(/^ *([^\s:]+):/gm)].map(([, name]) => name) } : {};
}

/** The hard limit: processes raise their own to it when they start (proc(5), limits). */
function descriptorLimit(): number {
  const read = readFile("/proc/self/limits");
  const found = read.ok ? /^Max open files\s+\S+\s+(\d+)/m.exec(read.value) : null;
  return found === null ? FD_LIMIT_FALLBACK : Number(found[1]);
}
