/** epoll. The 64 bits of user data carry a slot (low word) and kind plus generation (high word). */
import { EPOLL_CTL, epollEvent } from "./abi.ts";
import { checked, libc } from "./libc.ts";
import { pinned } from "./memory.ts";

/** Events taken per turn: enough to amortise the call, few enough that timers are looked at often. */
export const EVENTS_PER_TURN = 256;

const control = pinned(epollEvent.size);

export function createEpoll(): number {
  return checked(libc.epoll_create1(0o2000000));
}

function change(epoll: number, operation: number, fd: number, events: number, low: number, high: number): number {
  control.view.setUint32(epollEvent.events, events >>> 0, true);
  control.view.setUint32(epollEvent.data, low >>> 0, true);
  control.view.setUint32(epollEvent.data + 4, high >>> 0, true);
  return checked(libc.epoll_ctl(epoll, operation, fd, control.pointer));
}

export function epollAdd(epoll: number, fd: number, events: number, low: number, high: number): number {
  return change(epoll, EPOLL_CTL.ADD, fd, events, low, high);
}

export function epollModify(epoll: number, fd: number, events: number, low: number, high: number): number {
  return change(epoll, EPOLL_CTL.MOD, fd, events, low, high);
}

export function epollDelete(epoll: number, fd: number): number {
  return checked(libc.epoll_ctl(epoll, EPOLL_CTL.DEL, fd, control.pointer));
}

/** The batch that one `wait` fills; read by index right after the call. */
export class EventBatch {
  private readonly memory = pinned(epollEvent.size * EVENTS_PER_TURN);
  private readonly words = new Int32Array(this.memory.bytes.buffer);
  private static readonly stride = epollEvent.size / 4;
  private static readonly dataWord = epollEvent.data / 4;

  /** Number of events, 0 on timeout, -errno. */
  wait(epoll: number, timeoutMs: number): number {
    return checked(libc.epoll_wait(epoll, this.memory.pointer, EVENTS_PER_TURN, timeoutMs));
  }

  events(index: number): number {
    return this.words[index * EventBatch.stride]!;
  }

  low(index: number): number {
    return this.words[index * EventBatch.stride + EventBatch.dataWord]!;
  }

  high(index: number): number {
    return this.words[index * EventBatch.stride + EventBatch.dataWord + 1]!;
  }
}
