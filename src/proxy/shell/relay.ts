/**
 * Bytes from one connection to its peer, unread: tcp mode and tunnels.
 *
 * Small and interactive traffic costs one recv and one send. A read that fills the buffer turns the direction over to
 * splice(2) (socket → pipe → socket, the bytes never reach us); when chunks get small and the pipe is empty it turns
 * back. A side whose peer is full is not read: at most one block or one pipe is on its way.
 */
import { E } from "../../sys/errno.ts";
import { splice } from "../../sys/splice.ts";
import { FLAG, NONE } from "../conn-table.ts";
import { BLOCK_BYTES, READ_AT } from "./arena.ts";
import type { Plane } from "./plane.ts";

/** Reads per call before others get their turn. */
const ROUNDS_MAX = 8;
/** A splice that moved less than this is cheaper as recv and send. */
const SPLICE_WORTH_BYTES = 8 * 1024;

/** What `relay` found. */
export const RELAY = {
  /** Nothing more to do until an event. */
  IDLE: 0,
  /** The source's end was read and everything before it has been sent. */
  ENDED: 1,
  SOURCE_BROKEN: 2,
  TARGET_BROKEN: 3,
} as const;

/** Moves what is there from `source` to `target`. `moved[0]` grows by the bytes taken from the source. */
export function relay(p: Plane, source: number, target: number, moved: Float64Array): number {
  const t = p.table;
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const flushed = p.flush(target);
    if (flushed < 0) return RELAY.TARGET_BROKEN;
    if (flushed === 0) return RELAY.IDLE;
    if (t.pipe[source] >= 0) {
      const outcome = relayPipe(p, source, target, Number.MAX_SAFE_INTEGER, moved);
      if (outcome !== SPLICED) return outcome;
      continue;
    }
    const flags = t.flags[source];
    if (flags & FLAG.EOF) return flags & FLAG.BROKEN ? RELAY.SOURCE_BROKEN : RELAY.ENDED;
    if ((flags & FLAG.READABLE) === 0 || !p.mayRead(source)) return RELAY.IDLE;
    const received = p.read(source, READ_AT, BLOCK_BYTES);
    if (received <= 0) continue;
    moved[0] += received;
    if (!p.deliver(target, READ_AT, received)) return RELAY.TARGET_BROKEN;
    if (received === BLOCK_BYTES) startSplice(p, source, target);
  }
  p.markReady(source);
  return RELAY.IDLE;
}

/** Turns the direction over to splice when both ends are sockets of ours and a pipe is free. */
export function startSplice(p: Plane, source: number, target: number): void {
  const t = p.table;
  if (((t.flags[source] | t.flags[target]) & FLAG.TLS) !== 0) return;
  t.pipe[source] = p.pipes.take();
  t.pipeBytes[source] = 0;
  t.pipeMoved[source] = 1;
}

/** The direction goes by recv and send again; its pipe is empty. */
export function endSplice(p: Plane, source: number): void {
  const t = p.table;
  p.pipes.give(t.pipe[source]);
  t.pipe[source] = NONE;
}

/** `relayPipe`: a round was done, go on. */
export const SPLICED = -1;

/**
 * One round of splice, at most `limitBytes` from the source. Answers SPLICED, or what `relay` answers.
 * The pipe is given back when the source has ended, chunks are small, or it has nothing for now and pipes are scarce.
 */
export function relayPipe(p: Plane, source: number, target: number, limitBytes: number, moved: Float64Array): number {
  const t = p.table;
  const pipe = p.pipes.at(t.pipe[source]);
  let taken = 0;
  if (t.pipeBytes[source] < pipe.capacityBytes && t.flags[source] & FLAG.READABLE && limitBytes > 0) {
    const room = Math.min(pipe.capacityBytes - t.pipeBytes[source], limitBytes);
    taken = splice(t.fd[source], pipe.writeEnd, room, true);
    if (taken > 0) {
      t.pipeBytes[source] += taken;
      t.pipeMoved[source] = 1;
      moved[0] += taken;
    } else if (taken === 0) t.flags[source] = (t.flags[source] & ~FLAG.READABLE) | FLAG.EOF;
    else if (taken === -E.AGAIN) {
      // Either the socket is empty or the pipe's page slots are used up: only an empty pipe proves the former.
      if (t.pipeBytes[source] === 0) t.flags[source] &= ~FLAG.READABLE;
    } else if (taken !== -E.INTR) {
      t.flags[source] = (t.flags[source] & ~FLAG.READABLE) | FLAG.BROKEN | FLAG.EOF;
    }
  }
  if (t.pipeBytes[source] > 0) {
    if (t.flags[target] & FLAG.BLOCKED) return RELAY.IDLE;
    const sent = splice(pipe.readEnd, t.fd[target], t.pipeBytes[source], false);
    if (sent > 0) t.pipeBytes[source] -= sent;
    else if (sent === -E.AGAIN) t.flags[target] |= FLAG.BLOCKED;
    else if (sent !== -E.INTR) {
      t.flags[target] |= FLAG.BROKEN;
      return RELAY.TARGET_BROKEN;
    }
    if (t.pipeBytes[source] > 0) return (t.flags[target] & FLAG.BLOCKED) !== 0 ? RELAY.IDLE : SPLICED;
  }
  // A pipe is kept over a pause of the source, since bulk data comes in bursts, unless others need it (see `Sweep` too).
  if (taken === -E.AGAIN || (taken === 0 && (t.flags[source] & (FLAG.READABLE | FLAG.EOF)) === 0 && limitBytes > 0)) {
    if (p.pipes.isScarce) endSplice(p, source);
    return RELAY.IDLE;
  }
  if (taken < SPLICE_WORTH_BYTES || taken >= limitBytes) endSplice(p, source);
  return SPLICED;
}
