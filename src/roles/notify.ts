/**
 * The notify role: tells people by mail and webhook what happens. It is apart and without rights because it speaks to
 * servers outside and because nothing may ever wait for it; what it cannot send it tries again, within limits.
 */
import type { BallastEvent, EventLevel } from "../admin/api.ts";
import type { AlertsConfig, Config } from "../config/types.ts";
import type { Assignment } from "../ipc/messages.ts";
import type { Channel } from "../ipc/shell/channel.ts";
import { isWanted } from "../notify/alert-filter.ts";
import { alertJson, alertMail, type Sender } from "../notify/alert-text.ts";
import { Dispatcher, type DispatcherPorts } from "../notify/shell/dispatcher.ts";
import { sendMail } from "../notify/shell/mailer.ts";
import { postWebhook } from "../notify/shell/webhook.ts";
import { wallNow, zoneOffsetMinutes } from "../sys/clock.ts";
import type { Loop } from "../sys/loop.ts";

const sinkNames = ["email", "webhook"] as const;
type SinkName = (typeof sinkNames)[number];
type Ways = Readonly<Record<SinkName, Pick<DispatcherPorts, "name" | "deliver"> | null>>;

/** Sets the role up on its loop; it runs with `loop.run()` and stops the loop when it has ended. */
export function runNotify(channel: Channel, loop: Loop): void {
  const role = new NotifyRole(channel, loop);
  channel.on("start", (assignment) => role.start(assignment));
  channel.on("prepare", (assignment) => role.prepare(assignment));
  channel.on("commit", ({ generation }) => role.commit(generation));
  channel.on("abort", ({ generation }) => role.abort(generation));
  channel.on("event", (event) => role.event(event));
  channel.on("stop", ({ mode }) => role.stop(mode));
  channel.onClose(() => loop.stop());
}

class NotifyRole {
  private readonly channel: Channel;
  private readonly loop: Loop;
  private readonly sinks = new Map<SinkName, Dispatcher>();
  private topics: readonly string[] = [];
  private prepared: Assignment | null = null;

  constructor(channel: Channel, loop: Loop) {
    this.channel = channel;
    this.loop = loop;
  }

  start({ config }: Assignment): void {
    this.configure(config);
    this.channel.send("ready", { pid: process.pid });
  }

  /** Nothing can fail later: a server that does not answer is met when there is something to tell. */
  prepare(assignment: Assignment): void {
    this.prepared = assignment;
    this.channel.send("prepared", { generation: assignment.generation });
  }

  commit(generation: number): void {
    if (this.prepared?.generation !== generation) return;
    this.configure(this.prepared.config);
    this.prepared = null;
  }

  abort(generation: number): void {
    if (this.prepared?.generation === generation) this.prepared = null;
  }

  event(event: BallastEvent): void {
    if (!isWanted(event.kind, this.topics)) return;
    for (const sink of this.sinks.values()) sink.offer(event);
  }

  /** What waits is sent first; the supervisor bounds the time. */
  stop(mode: "drain" | "now"): void {
    const open = new Set(mode === "now" ? [] : this.sinks.values());
    if (open.size === 0) return this.end();
    for (const sink of open) {
      sink.finish(() => {
        open.delete(sink);
        if (open.size === 0) this.end();
      });
    }
  }

  private end(): void {
    for (const sink of this.sinks.values()) sink.close();
    this.channel.send("drained", {});
    this.loop.after(1, () => this.loop.stop());
  }

  private configure({ alerts, global }: Config): void {
    this.topics = alerts?.events ?? [];
    const ways = waysOf(alerts, global.node);
    for (const sink of sinkNames) this.configureSink(sink, ways[sink]);
  }

  private configureSink(sink: SinkName, way: Ways[SinkName]): void {
    const dispatcher = this.sinks.get(sink);
    if (way === null) {
      dispatcher?.close();
      this.sinks.delete(sink);
      return;
    }
    const report: DispatcherPorts["report"] = (level, kind, text) => this.report(level, kind, sink, text);
    const ports = { ...way, loop: this.loop, report };
    if (dispatcher) dispatcher.configure(ports);
    else this.sinks.set(sink, new Dispatcher(ports));
  }

  private report(level: EventLevel, kind: string, object: string, text: string): void {
    this.channel.send("event", { id: 0, wallMs: wallNow(), level, source: "notify", kind, object, text, fields: {} });
  }
}

/** How each channel of the configuration is reached; null: it is not configured. */
function waysOf(alerts: AlertsConfig | undefined, node: string): Ways {
  const email = alerts?.email ?? null;
  const webhook = alerts?.webhook ?? null;
  const sender = (): Sender => ({ node, zoneMinutes: zoneOffsetMinutes(wallNow()) });
  return {
    email: email && {
      name: `email to ${email.to.join(", ")}`,
      deliver: (batch) => sendMail(email, node, alertMail(batch, sender())),
    },
    // Its path may be a secret.
    webhook: webhook && {
      name: `webhook at ${new URL(webhook.url).host}`,
      deliver: (batch) => postWebhook(webhook, alertJson(batch, sender())),
    },
  };
}
