/** Plays the supervisor of one admin role: listening socket, counters, channel, orders; everything is removed by `close`. */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import type { ServerLimits } from "../../src/admin/shell/server.ts";
import type { BallastEvent, Reply, Request } from "../../src/admin/api.ts";
import type { Config } from "../../src/config/types.ts";
import type { Assignment, MessagePayloads } from "../../src/ipc/messages.ts";
import { Channel } from "../../src/ipc/shell/channel.ts";
import { type Counters, openCounters } from "../../src/stats/shell/counters.ts";
import { Loop } from "../../src/sys/loop.ts";
import { socketPair } from "../../src/sys/message.ts";
import { close, openListener } from "../../src/sys/socket.ts";
import { testAssignment, testConfig } from "./admin-config.ts";
import { PATIENCE_MS, waitFor } from "./wait.ts";

export type Order = MessagePayloads["request"];

export interface HarnessOptions {
  readonly config?: Config;
  readonly limits?: Partial<ServerLimits>;
  readonly configText?: string;
  /** A command that runs the role: `prlimit --nofile=40`. */
  readonly prefix?: readonly string[];
}

export class AdminHarness {
  readonly directory = mkdtempSync(`${tmpdir()}/ballast-admin-`);
  readonly socket = `${this.directory}/ballast.sock`;
  readonly orders: Order[] = [];
  readonly refusals: MessagePayloads["refused"][] = [];
  readonly prepared: number[] = [];
  drained = false;
  /** What the supervisor answers to an order; null: nothing, for ever. */
  onOrder: (order: Order) => Reply | null = ({ request }) => ({ ok: true, text: `done: ${request.op}` });
  readonly counters: Counters;
  readonly listener: number;
  config: Config;
  channel!: Channel;
  private readonly loop = new Loop();
  private readonly limits: Partial<ServerLimits>;
  private readonly prefix: readonly string[];
  private readonly configText: string | undefined;
  private closed = false;
  private role: Bun.Subprocess | null = null;
  private eventId = 0;

  private constructor(options: HarnessOptions) {
    this.config = options.config ?? testConfig();
    this.limits = options.limits ?? {};
    this.prefix = options.prefix ?? [];
    this.configText = options.configText;
    chmodSync(this.directory, 0o755);
    this.counters = openCounters(`${this.directory}/counters`, true);
    // The role may run as somebody else.
    chmodSync(this.counters.path, 0o666);
    this.listener = openListener({ kind: "unix", path: this.socket }, { freebind: false, subject: "admin socket" });
    chmodSync(this.socket, 0o666);
    void this.loop.run();
  }

  static async start(options: HarnessOptions = {}): Promise<AdminHarness> {
    const harness = new AdminHarness(options);
    await harness.startRole();
    return harness;
  }

  async startRole(): Promise<void> {
    const ends = socketPair();
    if (typeof ends === "number") throw new Error(`socketpair: ${ends}`);
    const [ours, theirs] = ends;
    const command = [process.execPath, `${import.meta.dir}/admin-role.ts`, JSON.stringify(this.limits)];
    this.role = Bun.spawn([...this.prefix, ...command], {
      stdio: ["ignore", "inherit", "inherit", theirs],
    });
    close(theirs);
    this.channel = new Channel(this.loop, ours, "supervisor", "admin");
    let ready = false;
    this.channel.on("ready", () => void (ready = true));
    this.channel.on("prepared", ({ generation }) => void this.prepared.push(generation));
    this.channel.on("refused", (refused) => void this.refusals.push(refused));
    this.channel.on("drained", () => void (this.drained = true));
    this.channel.on("event", (event) => this.publish(event));
    this.channel.on("request", (order) => {
      this.orders.push(order);
      const reply = this.onOrder(order);
      if (reply !== null) this.channel.send("reply", { id: order.id, reply });
    });
    this.channel.send("start", this.assignment(), [this.listener]);
    await waitFor("the admin role to be ready", () => ready);
  }

  assignment(change: Partial<Assignment> = {}): Assignment {
    const text = this.configText === undefined ? {} : { configText: this.configText };
    return testAssignment(this.config, { counters: this.counters.path, ...text, ...change });
  }

  /** As the supervisor does it: numbered, then to the admin role. */
  publish(event: Partial<BallastEvent>): number {
    const id = ++this.eventId;
    this.channel.send("event", {
      wallMs: Date.now(),
      level: "info",
      source: "supervisor",
      kind: "test.event",
      object: "",
      text: `event ${id}`,
      fields: {},
      ...event,
      id,
    });
    return id;
  }

  get pid(): number {
    return this.role?.pid ?? 0;
  }

  get exited(): Promise<number> {
    return this.role?.exited ?? Promise.resolve(0);
  }

  async killRole(): Promise<void> {
    this.role?.kill("SIGKILL");
    await this.exited;
    this.channel.close();
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await this.killRole();
    close(this.listener);
    this.loop.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }

  // ---- clients

  fetch(target: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`http://ballast${target}`, { ...init, unix: this.socket });
  }

  order(request: Request): Promise<Response> {
    return this.fetch("/v1/request", { method: "POST", body: JSON.stringify(request) });
  }

  /** Sends raw bytes; resolves with everything that came back when the server closes, null when it does not in time. */
  async raw(bytes: string | Uint8Array, timeoutMs = PATIENCE_MS): Promise<string | null> {
    const client = await RawClient.open(this.socket);
    client.write(bytes);
    await Promise.race([client.closed, Bun.sleep(timeoutMs)]);
    const ended = client.ended;
    client.end();
    return ended ? client.received : null;
  }
}

/** A client that does exactly what it is told. */
export class RawClient {
  received = "";
  ended = false;
  readonly closed: Promise<void>;
  /** Null: it was closed before it was open here. */
  private socket: Bun.Socket | null = null;
  private settle: () => void = () => undefined;
  private unsent: Uint8Array = new Uint8Array(0);

  private constructor() {
    this.closed = new Promise((resolve) => (this.settle = resolve));
  }

  static async open(path: string): Promise<RawClient> {
    const client = new RawClient();
    try {
      client.socket = await Bun.connect({
        unix: path,
        socket: {
          data: (_, data) => void (client.received += data.toString("latin1")),
          drain: () => client.flush(),
          end: () => client.finish(),
          close: () => client.finish(),
          error: () => client.finish(),
        },
      });
    } catch (error) {
      // Taken and closed before this process looked: a connection that has ended, not one that failed.
      if ((error as NodeJS.ErrnoException).code !== "ECONNRESET") throw error;
      client.finish();
    }
    return client;
  }

  write(bytes: string | Uint8Array): void {
    const more = typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes;
    this.unsent = Buffer.concat([this.unsent, more]);
    this.flush();
  }

  /** Stops reading: what the server sends stays in the kernel. */
  pause(): void {
    this.socket?.pause();
  }

  end(): void {
    this.socket?.terminate();
  }

  private flush(): void {
    const sent = this.socket?.write(this.unsent) ?? 0;
    if (sent > 0) this.unsent = this.unsent.subarray(sent);
  }

  private finish(): void {
    this.ended = true;
    this.settle();
  }
}
