/**
 * The shared counter file: laid out by `layout.ts`, made by the supervisor, mapped by every role.
 * The file is sparse: a worker or object that does not exist costs no memory. What exists has its memory from the start.
 */
import { closeSync, ftruncateSync, openSync, rmSync, statSync } from "node:fs";
import {
  COUNTER_MAX,
  FILE_BYTES,
  HEADER_BYTES,
  headerWords,
  LAYOUT_MAGIC,
  LAYOUT_VERSION,
  OBJECT_MAX,
  SHARED_BYTES,
  SHARED_WORDS,
  WORKER_BYTES,
  WORKER_MAX,
} from "../layout.ts";
import { assert } from "../../lib/result.ts";
import { E, must } from "../../sys/errno.ts";
import { checked, libc } from "../../sys/libc.ts";

export interface Counters {
  readonly path: string;
  /** Heartbeats and appliance-wide gauges, see `headerWords`. */
  readonly header: Int32Array;
  /** OBJECT_MAX × SHARED_WORDS; changed with Atomics only. */
  readonly shared: Int32Array;
  /** OBJECT_MAX × COUNTER_MAX of one worker, its only writer. */
  worker(index: number): Float64Array;
}

/**
 * Maps the counter file. `create` (the supervisor): a fresh one, mode 0600; a file that is there is unlinked, never
 * truncated, since whoever still maps it would die of SIGBUS. Throws the file system's error, or says what is wrong
 * with a file that is another program's or another version's.
 */
export function openCounters(path: string, create: boolean): Counters {
  if (create) makeFile(path);
  const { size } = statSync(path);
  if (size !== FILE_BYTES) throw new Error(`counters ${path}: ${size} bytes, wanted ${FILE_BYTES}`);
  const counters = mapCounters(path);
  const { header } = counters;
  if (create) {
    header[headerWords.magic] = LAYOUT_MAGIC;
    header[headerWords.version] = LAYOUT_VERSION;
  }
  if (header[headerWords.magic] !== LAYOUT_MAGIC) throw new Error(`counters ${path}: not a counter file of Ballast`);
  const version = header[headerWords.version];
  if (version !== LAYOUT_VERSION) {
    throw new Error(`counters ${path}: layout version ${version}, wanted ${LAYOUT_VERSION}`);
  }
  return counters;
}

function makeFile(path: string): void {
  rmSync(path, { force: true });
  const fd = openSync(path, "wx", 0o600);
  try {
    ftruncateSync(fd, FILE_BYTES);
    reserve(fd, path, 0, HEADER_BYTES + SHARED_BYTES);
  } finally {
    closeSync(fd);
  }
}

/**
 * Takes the memory for the first `objects` objects of `workers` workers now: a full /dev/shm is said here, where later
 * the first touch of a page would kill the process (SIGBUS). @throws SysError
 */
export function reserveCounters(path: string, workers: number, objects: number): void {
  const fd = openSync(path, "r+");
  try {
    for (let worker = 0; worker < workers; worker++) {
      const start = HEADER_BYTES + SHARED_BYTES + worker * WORKER_BYTES;
      reserve(fd, path, start, objects * COUNTER_MAX * Float64Array.BYTES_PER_ELEMENT);
    }
  } finally {
    closeSync(fd);
  }
}

/** fallocate(2) leaves what is there. A file system that cannot promise memory is used as it is. */
function reserve(fd: number, path: string, start: number, length: number): void {
  if (length === 0) return;
  const result = checked(libc.fallocate(fd, 0, start, length));
  if (result !== -E.OPNOTSUPP && result !== -E.NOSYS) must("fallocate", result, `counters ${path}`);
}

function mapCounters(path: string): Counters {
  const { buffer, byteOffset } = Bun.mmap(path, { shared: true });
  const workersStart = byteOffset + HEADER_BYTES + SHARED_BYTES;
  return {
    path,
    header: new Int32Array(buffer, byteOffset, HEADER_BYTES / 4),
    shared: new Int32Array(buffer, byteOffset + HEADER_BYTES, OBJECT_MAX * SHARED_WORDS),
    worker(index) {
      assert(index >= 0 && index < WORKER_MAX, `counters: worker ${index} is outside 0–${WORKER_MAX - 1}`);
      return new Float64Array(buffer, workersStart + index * WORKER_BYTES, OBJECT_MAX * COUNTER_MAX);
    },
  };
}
