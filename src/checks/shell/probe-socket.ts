/**
 * The connection of one probe: non-blocking connect with a deadline, bytes out, bytes in, an orderly close.
 * Ends exactly once, with `result`; nothing is reported before `open` has returned.
 */
import type { SocketAddress } from "../../config/types-proxy.ts";
import { AF, EPOLL, SOCK } from "../../sys/abi.ts";
import { E, errnoText, SysError } from "../../sys/errno.ts";
import type { Loop, LoopTimer, Watch } from "../../sys/loop.ts";
import { pinned } from "../../sys/memory.ts";
import * as sockets from "../../sys/socket.ts";
import { connectionProblem, L4_TIMEOUT, type ProbeResult } from "../result.ts";

/** One read; shared by all probes, since each use ends before the next begins. */
export const receiveScratch = pinned(16 * 1024);
const sendScratch = pinned(16 * 1024);

/** Reads at the close: 128 KiB, more than a server sends before it hears of our end. */
const DRAIN_READS_MAX = 8;

/** Our own shortage: says nothing about the server. */
const ownShortage: ReadonlySet<number> = new Set([E.MFILE, E.NFILE, E.NOMEM, E.NOBUFS, E.ADDRNOTAVAIL, E.AGAIN]);

export interface ProbeSteps {
  /** The connection stands. */
  connected(socket: ProbeSocket): void;
  /** Bytes, an end or an error can be read. */
  readable(socket: ProbeSocket): void;
}

/** How a probe is stopped from outside; its result is never reported then. */
export interface RunningProbe {
  cancel(): void;
}

export class ProbeSocket implements RunningProbe {
  private readonly loop: Loop;
  private readonly target: SocketAddress;
  private readonly steps: ProbeSteps;
  private readonly done: (result: ProbeResult) => void;
  private fd = -1;
  private watch: Watch | null = null;
  private timer: LoopTimer | null = null;
  private isConnected = false;
  private ended = false;
  /** What the connection was given to. */
  private heir: RunningProbe | null = null;

  constructor(loop: Loop, target: SocketAddress, steps: ProbeSteps, done: (result: ProbeResult) => void) {
    this.loop = loop;
    this.target = target;
    this.steps = steps;
    this.done = done;
  }

  /** Begins to connect. */
  open(connectTimeoutMs: number): void {
    const { target } = this;
    const family = target.kind === "unix" ? AF.UNIX : target.family === 4 ? AF.INET : AF.INET6;
    this.fd = sockets.socket(family, SOCK.STREAM | SOCK.NONBLOCK | SOCK.CLOEXEC, 0);
    const begun = this.fd < 0 ? this.fd : sockets.connect(this.fd, target);
    if (begun < 0 && begun !== -E.INPROGRESS) {
      const result = failure(-begun, target);
      this.loop.defer(() => this.result(result));
      return;
    }
    try {
      this.watch = this.loop.watch(this.fd, EPOLL.OUT, () => this.onEvent());
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      const result = failure(error.errno, target);
      this.loop.defer(() => this.result(result));
      return;
    }
    this.deadline(connectTimeoutMs, L4_TIMEOUT);
  }

  /** Replaces the deadline: `result` is what its passing means. */
  deadline(timeoutMs: number, result: ProbeResult): void {
    this.timer?.cancel();
    this.timer = this.loop.after(timeoutMs, () => this.result(result));
  }

  /** Sends a request that fits any fresh socket's buffer. 0 or -errno. */
  send(bytes: Uint8Array): number {
    sendScratch.bytes.set(bytes);
    const sent = sockets.send(this.fd, sendScratch.address, bytes.length, 0);
    return sent < 0 ? sent : 0;
  }

  /** Bytes now in `receiveScratch`, 0 at the end, -errno. */
  receive(): number {
    return sockets.recv(this.fd, receiveScratch.address, receiveScratch.bytes.length, 0);
  }

  /** Gives the descriptor away; who has it now is cancelled with the probe. Deadlines stay here. */
  handOver(heir: RunningProbe): number {
    const { fd } = this;
    this.watch?.close();
    this.watch = null;
    this.fd = -1;
    this.heir = heir;
    return fd;
  }

  /** Ends the probe. */
  result(result: ProbeResult): void {
    if (this.ended) return;
    this.cancel();
    this.done(result);
  }

  cancel(): void {
    this.ended = true;
    this.timer?.cancel();
    this.watch?.close();
    this.heir?.cancel();
    if (this.fd < 0) return;
    // What has arrived unread would turn the FIN of the close into a reset, which servers log as an error.
    if (this.isConnected) for (let reads = 0; reads < DRAIN_READS_MAX && this.receive() > 0; reads++);
    sockets.close(this.fd);
    this.fd = -1;
  }

  private onEvent(): void {
    if (this.isConnected) {
      this.steps.readable(this);
      return;
    }
    const error = sockets.socketError(this.fd);
    if (error !== 0) {
      this.result(failure(error, this.target));
      return;
    }
    if (this.metItself()) {
      this.result(connectionProblem(errnoText(E.CONNREFUSED)));
      return;
    }
    this.isConnected = true;
    this.watch?.modify(EPOLL.IN | EPOLL.RDHUP);
    this.steps.connected(this);
  }

  /** TCP connects a socket to itself when the kernel picks the very port that is asked for and nobody listens on it. */
  private metItself(): boolean {
    const { target } = this;
    if (target.kind === "unix") return false;
    const local = sockets.localAddress(this.fd);
    return local !== null && local.port === target.port && local.host === target.host;
  }
}

function failure(errno: number, target: SocketAddress): ProbeResult {
  const reason = errnoText(errno);
  // EAGAIN of a Unix socket: the server does not accept and its backlog is full.
  const isOurs = ownShortage.has(errno) && !(target.kind === "unix" && errno === E.AGAIN);
  return isOurs ? { kind: "unable", reason } : connectionProblem(reason);
}
