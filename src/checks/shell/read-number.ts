/** The number in a file, for checks that follow one. */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { fileValue } from "../file-value.ts";

/** A number has at most eleven characters; behind it may stand a remark. */
const FILE_BYTES_MAX = 64;

/** 0 where there is no file or no number (keepalived's rule). Never waits: what is not a plain file is not read. */
export function readNumber(path: string): number {
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      if (!fstatSync(fd).isFile()) return 0;
      const bytes = new Uint8Array(FILE_BYTES_MAX);
      const length = readSync(fd, bytes, 0, FILE_BYTES_MAX, 0);
      return fileValue(new TextDecoder().decode(bytes.subarray(0, length))) ?? 0;
    } finally {
      closeSync(fd);
    }
  } catch {
    // Not there, or not for this user: the same as a file that says 0.
    return 0;
  }
}
