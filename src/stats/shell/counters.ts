/**
 * The shared counter file: laid out by `layout.ts`, made by the supervisor, mapped by every role.
 * The file is sparse: a worker or object that does not exist costs no memory.
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
  } finally {
    closeSync(fd);
  }
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
