/**
 * Listening sockets, shared with the other workers: level-triggered with EPOLLEXCLUSIVE, so one connection wakes one
 * worker. A listener pauses (leaves the epoll set; the kernel's backlog queues) at its frontend's or the appliance's
 * maxconn and for a moment when descriptors run out; it never spins on a connection that it cannot take. A place that
 * becomes free is given out at once (haproxy does so too): the others may be held for hours.
 */
import { headerWords } from "../../stats/layout.ts";
import { EPOLL } from "../../sys/abi.ts";
import { E } from "../../sys/errno.ts";
import type { Loop } from "../../sys/loop.ts";
import * as sockets from "../../sys/socket.ts";
import type { CounterMemory } from "./plane.ts";
import type { FrontendRuntime } from "./runtime.ts";

/** Connections taken per event: bounds the time away from others and spreads a burst over the workers. */
const ACCEPT_MAX = 16;
/** What waited when a listener closes; more than any backlog holds is a flood that never ends. */
const BACKLOG_MAX = 4096;
/** How long a listener stays out when descriptors or memory ran out, and how often that is told. */
const EXHAUSTED_PAUSE_MS = 100;
const EXHAUSTED_REPORT_MS = 10_000;
/** Paused listeners look again this often: a connection may have ended in another worker. */
const LOOK_AGAIN_MS = 100;

/** `take`: no place in this process, in the frontend or in the appliance. No errno is as large. */
const FULL = -65_536;

export interface Listener {
  readonly key: string;
  fd: number;
  frontend: FrontendRuntime;
  paused: boolean;
  /** Accepts per event: grows while the backlog is not empty, so that a lone connection costs one accept4. */
  batch: number;
  open: boolean;
}

/** Takes over an accepted descriptor and its place in the shared gauges; the peer's address stands in `sockaddrScratch`. */
export type AcceptHandler = (listener: Listener, fd: number) => void;

export class Listeners {
  private readonly loop: Loop;
  private readonly memory: CounterMemory;
  private readonly kind: number;
  private readonly accept: AcceptHandler;
  private readonly report: (text: string) => void;
  private readonly slots: Listener[] = [];
  private pausedCount = 0;
  /** The timer of `lookAgain` runs; with every place that is freed and taken again listeners resume and pause. */
  private willLook = false;
  private reportedAt = Number.NEGATIVE_INFINITY;
  /** Client connections of all workers (haproxy: global maxconn). */
  globalMax = 0;
  /** False when this process has no descriptors or slots for another session. */
  hasRoom: () => boolean = () => true;

  constructor(loop: Loop, memory: CounterMemory, accept: AcceptHandler, report: (text: string) => void) {
    this.loop = loop;
    this.memory = memory;
    this.accept = accept;
    this.report = report;
    this.kind = loop.addKind((slot) => this.onEvent(slot));
  }

  get all(): readonly Listener[] {
    return this.slots.filter((listener) => listener.open);
  }

  /** Accepts on `fd` from now on; it belongs to the listener. */
  add(key: string, fd: number, frontend: FrontendRuntime): Listener {
    const listener: Listener = { key, fd, frontend, paused: false, batch: 1, open: true };
    const free = this.slots.findIndex((slot) => !slot.open);
    if (free < 0) this.slots.push(listener);
    else this.slots[free] = listener;
    this.register(listener);
    return listener;
  }

  remove(listener: Listener): void {
    if (!listener.open) return;
    listener.open = false;
    if (listener.paused) this.pausedCount--;
    else this.loop.unregister(listener.fd);
    sockets.close(listener.fd);
  }

  /** Closes for good. The kernel has answered those who wait in its queue already: they are taken first. */
  finish(listener: Listener): void {
    for (let taken = 0; taken < BACKLOG_MAX; taken++) {
      const fd = this.take(listener);
      if (fd < 0) break;
      this.accept(listener, fd);
    }
    this.remove(listener);
  }

  /** Called when a connection has ended; cheap while nothing is paused. */
  placeFree(): void {
    if (this.pausedCount > 0) this.resume();
  }

  private register(listener: Listener): void {
    const slot = this.slots.indexOf(listener);
    const result = this.loop.register(listener.fd, EPOLL.IN | EPOLL.EXCLUSIVE, this.kind, slot, 0);
    if (result < 0) this.report(`listener ${listener.key}: epoll_ctl failed with ${result}`);
  }

  private pause(listener: Listener): void {
    if (listener.paused) return;
    listener.paused = true;
    this.loop.unregister(listener.fd);
    this.pausedCount++;
    this.lookLater();
  }

  private lookLater(): void {
    if (this.willLook) return;
    this.willLook = true;
    this.loop.after(LOOK_AGAIN_MS, this.lookAgain);
  }

  private readonly lookAgain = (): void => {
    this.willLook = false;
    this.placeFree();
    if (this.pausedCount > 0) this.lookLater();
  };

  private resume(): void {
    for (const listener of this.slots) {
      if (!listener.open || !listener.paused || this.isFull(listener)) continue;
      listener.paused = false;
      this.pausedCount--;
      this.register(listener);
    }
  }

  private isFull(listener: Listener): boolean {
    const { header, shared } = this.memory;
    const { config, connectionsWord } = listener.frontend;
    return (
      !this.hasRoom() ||
      Atomics.load(header, headerWords.connections) >= this.globalMax ||
      Atomics.load(shared, connectionsWord) >= config.maxconn
    );
  }

  /** Raises the gauges of all workers for a connection to come; false: another worker took the last place. */
  private reserve({ frontend }: Listener): boolean {
    const { header, shared } = this.memory;
    const isOver =
      Atomics.add(header, headerWords.connections, 1) >= this.globalMax ||
      Atomics.load(shared, frontend.connectionsWord) >= frontend.config.maxconn;
    if (!isOver && Atomics.add(shared, frontend.connectionsWord, 1) < frontend.config.maxconn) return true;
    if (!isOver) Atomics.sub(shared, frontend.connectionsWord, 1);
    Atomics.sub(header, headerWords.connections, 1);
    return false;
  }

  /** Lowers the gauges that `take` raised: the connection did not come about. */
  giveBack({ frontend }: Listener): void {
    Atomics.sub(this.memory.shared, frontend.connectionsWord, 1);
    Atomics.sub(this.memory.header, headerWords.connections, 1);
  }

  /** A descriptor whose place in the gauges is taken, -errno when nothing can be accepted, FULL. */
  private take(listener: Listener): number {
    if (this.isFull(listener) || !this.reserve(listener)) return FULL;
    const fd = sockets.accept(listener.fd);
    if (fd < 0) this.giveBack(listener);
    return fd;
  }

  private onEvent(slot: number): void {
    const listener = this.slots[slot];
    for (let accepted = 0; accepted < listener.batch; accepted++) {
      if (!listener.open || listener.paused) return;
      const fd = this.take(listener);
      if (fd >= 0) {
        this.accept(listener, fd);
        continue;
      }
      if (fd === FULL) {
        if (!this.hasRoom()) this.tell(listener, "no file descriptors left for another session");
        return this.pause(listener);
      }
      listener.batch = Math.max(1, listener.batch >> 1);
      if (fd === -E.MFILE || fd === -E.NFILE || fd === -E.NOMEM || fd === -E.NOBUFS) this.exhausted(listener, fd);
      // Anything else (EAGAIN, a connection aborted in the backlog) concerns this one connection only.
      return;
    }
    listener.batch = Math.min(ACCEPT_MAX, listener.batch << 1);
  }

  private exhausted(listener: Listener, errno: number): void {
    this.pause(listener);
    const what = errno === -E.MFILE || errno === -E.NFILE ? "no free file descriptors" : "no kernel memory";
    this.tell(listener, what);
  }

  private tell(listener: Listener, what: string): void {
    const now = this.loop.now;
    if (now - this.reportedAt < EXHAUSTED_REPORT_MS) return;
    this.reportedAt = now;
    this.report(
      `listener ${listener.key}: ${what}; new connections wait in the kernel, tried again every ${EXHAUSTED_PAUSE_MS} ms`,
    );
  }
}
