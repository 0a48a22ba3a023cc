/** Pipes for splice: pooled, since opening and enlarging one costs more than a small transfer saves. */
import { closePipe, openPipe, type Pipe } from "../../sys/splice.ts";

/** The kernel's default upper bound for an unprivileged pipe (fs.pipe-max-size). */
const PIPE_BYTES = 1024 * 1024;
/** Two descriptors each; when all are busy the transfer goes through recv and send. */
const PIPES_MAX = 128;

export class PipePool {
  private readonly pipes: Pipe[] = [];
  private readonly idle: number[] = [];

  /** Index of a drained pipe, or -1. */
  take(): number {
    const index = this.idle.pop();
    if (index !== undefined) return index;
    if (this.pipes.length >= PIPES_MAX) return -1;
    const pipe = openPipe(PIPE_BYTES);
    if (typeof pipe === "number") return -1;
    return this.pipes.push(pipe) - 1;
  }

  at(index: number): Pipe {
    return this.pipes[index]!;
  }

  /** The pipe is empty again. */
  give(index: number): void {
    this.idle.push(index);
  }

  /** The pipe still holds bytes of a session that ended: it is replaced, never reused. */
  discard(index: number): void {
    closePipe(this.pipes[index]!);
    const fresh = openPipe(PIPE_BYTES);
    if (typeof fresh === "number") {
      // No descriptors now: this place of the pool stays unused.
      return;
    }
    this.pipes[index] = fresh;
    this.idle.push(index);
  }

  close(): void {
    for (const index of this.idle) closePipe(this.pipes[index]!);
    this.idle.length = 0;
    this.pipes.length = 0;
  }
}
