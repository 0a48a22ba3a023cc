/** One channel to people at work: its queue, its timer, one message at a time, and what the log says of it. */
import type { BallastEvent, EventLevel } from "../../admin/api.ts";
import { unreachable } from "../../lib/result.ts";
import { NEVER } from "../../lib/time.ts";
import { formatDurationMs } from "../../lib/units.ts";
import { monoNow } from "../../sys/clock.ts";
import type { Loop, LoopTimer } from "../../sys/loop.ts";
import { type AlertBatch, AlertQueue } from "../alert-queue.ts";
import type { Delivery } from "../delivery.ts";

export interface DispatcherPorts {
  readonly loop: Loop;
  /** `email to ops@example.com`, for messages. */
  readonly name: string;
  /** Never rejects. */
  readonly deliver: (batch: AlertBatch) => Promise<Delivery>;
  readonly report: (level: EventLevel, kind: string, text: string) => void;
}

export class Dispatcher {
  private ports: DispatcherPorts;
  private readonly queue = new AlertQueue(monoNow());
  private timer: LoopTimer | null = null;
  private onIdle: (() => void) | null = null;
  private closed = false;

  constructor(ports: DispatcherPorts) {
    this.ports = ports;
  }

  /** From now on messages go this way; what waits goes with them. */
  configure(ports: DispatcherPorts): void {
    this.ports = ports;
    this.queue.retryNow(monoNow());
    this.arm();
  }

  offer(event: BallastEvent): void {
    this.queue.offer(event, monoNow());
    if (this.onIdle === null) this.arm();
    else this.hurry();
  }

  /** Sends what waits without waiting for more of it; calls back when there is nothing left, sent or not. */
  finish(done: () => void): void {
    this.onIdle = done;
    this.timer?.cancel();
    this.hurry();
  }

  /** Nothing more is sent; what is under way ends unheard. */
  close(): void {
    this.closed = true;
    this.timer?.cancel();
    this.onIdle = null;
  }

  private arm(): void {
    this.timer?.cancel();
    const at = this.queue.nextAt();
    this.timer = at === NEVER ? null : this.ports.loop.at(at, () => this.send(this.queue.take(monoNow())));
  }

  private hurry(): void {
    if (this.queue.isIdle) this.onIdle?.();
    else this.send(this.queue.takeAtOnce());
  }

  private send(batch: AlertBatch | null): void {
    if (batch === null) {
      // Finishing and something is in flight: its answer comes back here.
      if (this.onIdle === null) this.arm();
      return;
    }
    void this.ports.deliver(batch).then((delivery) => this.onDelivery(batch, delivery));
  }

  private onDelivery(batch: AlertBatch, delivery: Delivery): void {
    if (this.closed) return;
    const isLast = this.onIdle !== null;
    if (delivery.ok) {
      this.queue.sent(monoNow());
      const note = delivery.note === "" ? "" : `; ${delivery.note}`;
      const level = note === "" ? "info" : "warning";
      this.ports.report(level, "notify.sent", `${eventCount(batch.alerts.length)} sent by ${this.ports.name}${note}`);
    } else {
      this.reportFailure(this.queue.failed(monoNow(), delivery.temporary && !isLast), delivery.reason);
    }
    if (isLast) this.hurry();
    else this.arm();
  }

  private reportFailure(failure: ReturnType<AlertQueue["failed"]>, reason: string): void {
    const { name, report } = this.ports;
    switch (failure.kind) {
      case "retry": {
        const again = formatDurationMs(failure.delayMs);
        report("warning", "notify.fail", `${name}: ${reason}; again in ${again} (attempt ${failure.attempts})`);
        return;
      }
      case "given_up":
        report("error", "notify.drop", `${name}: ${reason}; ${eventCount(failure.lost)} not told`);
        return;
      default:
        unreachable(failure);
    }
  }
}

function eventCount(count: number): string {
  return count === 1 ? "1 event" : `${count} events`;
}
