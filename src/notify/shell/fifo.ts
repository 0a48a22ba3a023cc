/**
 * A named pipe that other programs read changes from. It is opened for reading and writing, so that it opens without a
 * reader and lines wait in it (64 KiB by default); when it is full, lines are lost and that is said. The daemon never
 * waits for a reader.
 */
import { closeSync, constants, fstatSync, openSync, rmSync, writeSync } from "node:fs";
import { E, errnoText } from "../../sys/errno.ts";
import { makeFifo } from "../../sys/process.ts";

/** Its owner only; for other readers the operator makes the pipe himself and Ballast leaves it as it is. */
const MODE = 0o600;

export class Fifo {
  readonly path: string;
  private fd: number | null = null;
  private isOurs = false;

  constructor(path: string) {
    this.path = path;
  }

  /** Opens the pipe and makes it when it is not there. Null, or why there is none. */
  open(): string | null {
    if (this.fd !== null) return null;
    const made = makeFifo(this.path, MODE);
    if (made < 0 && made !== -E.EXIST) return `cannot be made: ${errnoText(made)}`;
    if (made === 0) this.isOurs = true;
    try {
      const fd = openSync(this.path, constants.O_RDWR | constants.O_NONBLOCK | constants.O_NOFOLLOW);
      if (fstatSync(fd).isFIFO()) {
        this.fd = fd;
        return null;
      }
      closeSync(fd);
      return "is no named pipe";
    } catch (error) {
      return `cannot be opened: ${(error as Error).message}`;
    }
  }

  /** Writes the line whole or not at all (it is shorter than PIPE_BUF). Null, or why it is lost. */
  write(line: string): string | null {
    const refusal = this.open();
    if (refusal !== null || this.fd === null) return refusal;
    try {
      writeSync(this.fd, line);
      return null;
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      return code === "EAGAIN" ? "is full: nobody reads it" : message;
    }
  }

  /** Closes the pipe and takes away the one that was made here. */
  close(): void {
    if (this.fd !== null) closeSync(this.fd);
    this.fd = null;
    if (this.isOurs) rmSync(this.path, { force: true });
    this.isOurs = false;
  }
}
