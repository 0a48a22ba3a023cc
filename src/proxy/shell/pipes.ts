/** Pipes for splice: pooled, since opening and enlarging one costs more than a small transfer saves. */
import { closePipe, openPipe, type Pipe } from "../../sys/splice.ts";

/** The kernel's default upper bound for an unprivileged pipe (fs.pipe-max-size); a quarter of it costs a sixth more CPU. */
const PIPE_BYTES = 1024 * 1024;
/**
 * All pipes of a user share fs.pipe-user-pages-soft, 64 MiB by default; beyond it the kernel grants two pages a pipe,
 * and recv and send do better. Then the next attempts are spared.
 */
const PIPE_BYTES_MIN = 64 * 1024;
const SPARED_ATTEMPTS = 64;
/** Two descriptors each; when all are busy the transfer goes through recv and send. */
export const PIPES_MAX = 128;

export class PipePool {
  private readonly pipes: (Pipe | null)[] = [];
  /** Indexes of drained pipes, and of places without one. */
  private readonly idle: number[] = [];
  private readonly empty: number[] = [];
  private sparedAttempts = 0;

  /** Pipes in use. */
  get busy(): number {
    return this.pipes.length - this.empty.length - this.idle.length;
  }

  /** More than half are in use: connections that wait give theirs back. */
  get isScarce(): boolean {
    return this.busy > PIPES_MAX / 2;
  }

  /** Index of a drained pipe, or -1. */
  take(): number {
    const index = this.idle.pop();
    if (index !== undefined) return index;
    if (this.pipes.length >= PIPES_MAX && this.empty.length === 0) return -1;
    if (this.sparedAttempts > 0) {
      this.sparedAttempts--;
      return -1;
    }
    const pipe = openPipe(PIPE_BYTES);
    if (typeof pipe === "number") return -1;
    if (pipe.capacityBytes < PIPE_BYTES_MIN) {
      closePipe(pipe);
      this.sparedAttempts = SPARED_ATTEMPTS;
      return -1;
    }
    const place = this.empty.pop() ?? this.pipes.length;
    this.pipes[place] = pipe;
    return place;
  }

  at(index: number): Pipe {
    return this.pipes[index]!;
  }

  /** The pipe is empty again. */
  give(index: number): void {
    this.idle.push(index);
  }

  /** The pipe still holds bytes of a session that ended: it is never used again. */
  discard(index: number): void {
    closePipe(this.pipes[index]!);
    this.pipes[index] = null;
    this.empty.push(index);
  }
}
