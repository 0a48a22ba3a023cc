/**
 * Writing to stdout and stderr so that everything has reached the kernel when the call returns. The streams' own write
 * keeps what a pipe does not take at once, and loses it when the program ends.
 */
import { writeSync } from "node:fs";

export const STDOUT = 1;
export const STDERR = 2;

const PIPE_FULL_PAUSE_MS = 2;

/** False when nobody reads any more (`| head`). */
export function writeWhole(fd: number, text: string): boolean {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EPIPE") return false;
      if (code !== "EAGAIN") throw error;
      // Somebody made the descriptor non-blocking.
      Bun.sleepSync(PIPE_FULL_PAUSE_MS);
    }
  }
  return true;
}
