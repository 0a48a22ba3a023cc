/**
 * What waits to be told to people through one channel (pure): gathered into few messages, each thing once in its newest
 * state, repetitions left out, limited in rate and size, kept when sending fails.
 *
 *              offer                take                 sent
 *   (nothing) ───────▶ pending ────────────▶ in flight ────────▶ told
 *                         ▲                      │
 *                         └──────────────────────┘ failed: again later, in newer states where there are some
 */
import type { BallastEvent } from "../admin/api.ts";
import { later, type MonoMs, NEVER } from "../lib/time.ts";

/** What belongs together (a failover, a rack of servers) arrives within a moment and makes one message. */
const GATHER_MS = 1000;
/** Five messages at once, then one a minute: nobody reads more, and mail servers refuse more. */
const BURST = 5;
const REFILL_MS = 60_000;
/** Objects in one message; whoever has more trouble than this looks at the appliance. */
export const PENDING_MAX = 256;
/** The same words about the same object within this time are a repetition. */
const REPETITION_MS = 600_000;
/** As many objects are remembered for that; the oldest is forgotten first, which costs a repetition. */
const TOLD_MAX = 4096;
/** 5 s, 10 s, … 10 min; after twelve attempts, an hour and a half later, the message is given up. */
const RETRY_FIRST_MS = 5000;
const RETRY_MAX_MS = 600_000;
export const ATTEMPTS_MAX = 12;

export interface Alert {
  readonly event: BallastEvent;
  /** Events about the same object that this one stands for, itself included. */
  readonly changes: number;
}

export interface AlertBatch {
  /** In the order of their events; at least one. */
  readonly alerts: readonly Alert[];
  /** Events that found no room. */
  readonly omitted: number;
}

export type Failure =
  | { readonly kind: "retry"; readonly attempts: number; readonly delayMs: number }
  | { readonly kind: "given_up"; readonly attempts: number; readonly lost: number };

interface Told {
  readonly words: string;
  readonly at: MonoMs;
}

export class AlertQueue {
  private pending = new Map<string, Alert>();
  private inFlight: AlertBatch | null = null;
  private omitted = 0;
  private attempts = 0;
  private gatheredAt: MonoMs = NEVER;
  private retryAt: MonoMs;
  private tokens = BURST;
  private refilledAt: MonoMs;
  private readonly told = new Map<string, Told>();

  constructor(now: MonoMs) {
    this.retryAt = now;
    this.refilledAt = now;
  }

  /** Nothing waits and nothing is being sent. */
  get isIdle(): boolean {
    return this.inFlight === null && this.pending.size === 0;
  }

  offer(event: BallastEvent, now: MonoMs): void {
    const key = keyOf(event);
    const waiting = this.pending.get(key);
    if (waiting === undefined && this.isRepetition(key, event, now)) return;
    if (waiting === undefined && this.pending.size >= PENDING_MAX) {
      this.omitted++;
      return;
    }
    if (this.pending.size === 0) this.gatheredAt = later(now, GATHER_MS);
    // To the end: alerts stand in the order of their newest events.
    this.pending.delete(key);
    this.pending.set(key, { event, changes: (waiting?.changes ?? 0) + 1 });
  }

  /** When `take` will answer with a message. */
  nextAt(): MonoMs {
    if (this.inFlight !== null || this.pending.size === 0) return NEVER;
    const tokenAt = this.tokens > 0 ? this.refilledAt : later(this.refilledAt, REFILL_MS);
    return Math.max(this.gatheredAt, this.retryAt, tokenAt) as MonoMs;
  }

  /** The message to send now; `sent` or `failed` must follow. Null: it is not the time, or there is nothing to tell. */
  take(now: MonoMs): AlertBatch | null {
    this.refill(now);
    if (this.nextAt() > now) return null;
    this.tokens--;
    return this.leave();
  }

  /** As `take`, without waiting: the appliance ends. */
  takeAtOnce(): AlertBatch | null {
    return this.inFlight !== null || this.pending.size === 0 ? null : this.leave();
  }

  sent(now: MonoMs): void {
    for (const { event } of this.inFlight?.alerts ?? [])
      this.remember(keyOf(event), { words: wordsOf(event), at: now });
    this.inFlight = null;
    this.attempts = 0;
  }

  /** The message was not taken; `temporary`: it may be another time. */
  failed(now: MonoMs, temporary: boolean): Failure {
    const batch = this.inFlight;
    this.inFlight = null;
    const attempts = ++this.attempts;
    if (!temporary || attempts >= ATTEMPTS_MAX) {
      this.attempts = 0;
      const lost = (batch?.alerts ?? []).reduce((sum, { changes }) => sum + changes, batch?.omitted ?? 0);
      return { kind: "given_up", attempts, lost };
    }
    if (batch !== null) this.putBack(batch);
    // An attempt that told nobody is no message.
    this.tokens++;
    const delayMs = Math.min(RETRY_FIRST_MS * 2 ** (attempts - 1), RETRY_MAX_MS);
    this.retryAt = later(now, delayMs);
    return { kind: "retry", attempts, delayMs };
  }

  /** The channel was changed by a reload: what waited for the old one is tried at once. */
  retryNow(now: MonoMs): void {
    this.retryAt = now;
    this.attempts = 0;
  }

  private leave(): AlertBatch {
    this.inFlight = { alerts: [...this.pending.values()], omitted: this.omitted };
    this.pending = new Map();
    this.omitted = 0;
    this.gatheredAt = NEVER;
    return this.inFlight;
  }

  /** Newer news about an object stands for the older. */
  private putBack({ alerts, omitted }: AlertBatch): void {
    const newer = this.pending;
    this.pending = new Map();
    this.omitted += omitted;
    for (const alert of alerts) if (!newer.has(keyOf(alert.event))) this.pending.set(keyOf(alert.event), alert);
    const older = new Map(alerts.map((alert) => [keyOf(alert.event), alert] as const));
    for (const [key, { event, changes }] of newer) {
      if (this.pending.size >= PENDING_MAX) this.omitted += changes;
      else this.pending.set(key, { event, changes: changes + (older.get(key)?.changes ?? 0) });
    }
    if (this.gatheredAt === NEVER) this.gatheredAt = this.refilledAt;
  }

  private isRepetition(key: string, event: BallastEvent, now: MonoMs): boolean {
    const flying = this.inFlight?.alerts.find((alert) => keyOf(alert.event) === key);
    if (flying !== undefined) return wordsOf(flying.event) === wordsOf(event);
    const told = this.told.get(key);
    return told !== undefined && told.words === wordsOf(event) && later(told.at, REPETITION_MS) > now;
  }

  private remember(key: string, told: Told): void {
    this.told.delete(key);
    this.told.set(key, told);
    if (this.told.size > TOLD_MAX) this.told.delete(this.told.keys().next().value!);
  }

  private refill(now: MonoMs): void {
    const gained = Math.floor((now - this.refilledAt) / REFILL_MS);
    if (gained <= 0) return;
    this.tokens = Math.min(BURST, this.tokens + gained);
    this.refilledAt = later(this.refilledAt, gained * REFILL_MS);
  }
}

function keyOf({ kind, object }: BallastEvent): string {
  return `${kind} ${object}`;
}

/** What an event says, without the figures in it that differ each time. */
function wordsOf({ text, fields }: BallastEvent): string {
  return String(fields["to"] ?? text);
}
