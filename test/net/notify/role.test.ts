/** The notify role over its channel, with a mail server and a web server that answer as told. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import type { BallastEvent } from "../../../src/admin/api.ts";
import type { AlertsConfig, Config, EmailConfig, WebhookConfig } from "../../../src/config/types.ts";
import type { Assignment } from "../../../src/ipc/messages.ts";
import { Channel } from "../../../src/ipc/shell/channel.ts";
import { runNotify } from "../../../src/roles/notify.ts";
import { Loop } from "../../../src/sys/loop.ts";
import { socketPair } from "../../../src/sys/message.ts";
import { SmtpServer, unfolded } from "../../support/mail.ts";
import { stopAllProcesses } from "../../support/process.ts";
import { freePort } from "../../support/ports.ts";
import { holdsFor, waitFor } from "../../support/wait.ts";
import { serverIs } from "../../unit/notify/events.ts";

const TEST_MS = 30_000;

class Role {
  readonly events: BallastEvent[] = [];
  readonly channel: Channel;
  drained = false;
  private readonly ended: Promise<void>;
  private generation = 1;

  constructor(alerts: AlertsConfig) {
    const pair = socketPair();
    if (typeof pair === "number") throw new Error(`socketpair: ${pair}`);
    const loop = new Loop();
    this.channel = new Channel(loop, pair[0], "supervisor", "notify");
    this.channel.on("ready", () => undefined);
    this.channel.on("prepared", (value) => this.channel.send("commit", value));
    this.channel.on("drained", () => (this.drained = true));
    this.channel.on("event", (event) => this.events.push(event));
    runNotify(new Channel(loop, pair[1], "notify", "supervisor"), loop);
    this.ended = loop.run();
    this.channel.send("start", this.assignment(alerts));
  }

  reload(alerts: AlertsConfig): void {
    this.generation++;
    this.channel.send("prepare", this.assignment(alerts));
  }

  tell(...events: readonly BallastEvent[]): void {
    for (const event of events) this.channel.send("event", event);
  }

  kinds(): readonly string[] {
    return this.events.map(({ kind }) => kind);
  }

  async end(): Promise<void> {
    if (!this.drained) this.channel.send("stop", { mode: "now", withinMs: 0 });
    await this.ended;
    this.channel.close();
  }

  private assignment(alerts: AlertsConfig): Assignment {
    const config = { global: { node: "lb1" }, alerts } as unknown as Config;
    const { generation } = this;
    return { generation, config, index: 0, objects: {}, listeners: [], tls: {}, servers: [], counters: "" };
  }
}

let role: Role | null = null;
let web: { readonly port: number; readonly bodies: string[]; status: number; readonly stop: () => void };

beforeEach(() => {
  const bodies: string[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request) => {
      bodies.push(await request.text());
      return new Response("", { status: web.status });
    },
  });
  web = { port: server.port!, bodies, status: 200, stop: () => void server.stop(true) };
});

afterEach(async () => {
  await role?.end();
  role = null;
  web.stop();
  await stopAllProcesses();
});

function emailAt(port: number): EmailConfig {
  const recipients = { from: "lb@example.com", to: ["ops@example.com"] };
  return { ...recipients, host: "127.0.0.1", port, tls: "none", auth: null, ca: null };
}

function hook(): WebhookConfig {
  return { url: `http://127.0.0.1:${web.port}/secret`, token: null, ca: null };
}

function alerts(fields: Partial<AlertsConfig>): AlertsConfig {
  return { events: ["server.state", "vrrp"], email: null, webhook: null, ...fields };
}

test("the role tells what is wanted by mail and webhook, in one message, and nothing else", async () => {
  const server = await SmtpServer.start({ tls: "none" });
  role = new Role(alerts({ email: emailAt(server.port), webhook: hook() }));
  const unwanted = { ...serverIs("down", "x"), kind: "config.reload" };
  role.tell(serverIs("down", "app/web1"), unwanted, serverIs("down", "app/web2"));
  const mail = await server.mail(1);
  expect(mail.text).toMatch(/^Subject: \[lb1\] server.state: app\/web1 is DOWN \(and 1 more\)$/m);
  expect(mail.text).toContain("app/web2 is DOWN");
  await waitFor("the webhook", () => web.bodies.length === 1);
  expect(JSON.parse(web.bodies[0]!)).toMatchObject({ node: "lb1", events: [{ object: "app/web1" }, {}] });
  await waitFor("both to be reported", () => role!.kinds().length === 2);
  expect(role.events.map(({ object }) => object).sort()).toEqual(["email", "webhook"]);
  expect(role.kinds()).toEqual(["notify.sent", "notify.sent"]);
  expect(await holdsFor(() => web.bodies.length === 1 && server.mails.length === 1, 300)).toBe(true);
});

test(
  "the role tries again until the mail server is back, and the webhook does not wait for it",
  async () => {
    const port = freePort();
    role = new Role(alerts({ email: emailAt(port), webhook: hook() }));
    role.tell(serverIs("down"));
    await waitFor("the webhook", () => web.bodies.length === 1);
    await waitFor("the failure", () => role!.kinds().includes("notify.fail"));
    const failure = role.events.find(({ kind }) => kind === "notify.fail")!;
    expect(failure).toMatchObject({ level: "warning", object: "email" });
    expect(failure.text).toMatch(/^email to ops@example.com: .*refused.*; again in 5s \(attempt 1\)$/i);
    const server = await SmtpServer.start({ tls: "none", port });
    role.tell(serverIs("up"));
    const mail = await server.mail(1);
    expect(unfolded(mail)).toContain("app/web1 is UP (2 changes; this is the last)");
  },
  TEST_MS,
);

test("the role gives up what will never be taken and says how much is lost", async () => {
  web.status = 404;
  role = new Role(alerts({ webhook: hook() }));
  role.tell(serverIs("down"));
  await waitFor("the end of it", () => role!.kinds().includes("notify.drop"));
  const drop = role.events.find(({ kind }) => kind === "notify.drop")!;
  expect(drop).toMatchObject({ level: "error", object: "webhook" });
  expect(drop.text).toBe(`webhook at 127.0.0.1:${web.port}: answered with status 404; 1 event not told`);
  web.status = 200;
  role.tell(serverIs("up"));
  await waitFor("the next", () => role!.kinds().includes("notify.sent"));
});

test("the role sends what waits when a reload names a server that answers", async () => {
  const server = await SmtpServer.start({ tls: "none" });
  role = new Role(alerts({ email: emailAt(freePort()) }));
  role.tell(serverIs("down"));
  await waitFor("the failure", () => role!.kinds().includes("notify.fail"));
  role.reload(alerts({ email: emailAt(server.port) }));
  expect((await server.mail(1, 3000)).text).toContain("app/web1 is DOWN");
});

test("the role forgets a channel that a reload removes", async () => {
  role = new Role(alerts({ email: emailAt(freePort()), webhook: hook() }));
  role.reload(alerts({ webhook: hook() }));
  await waitFor("the reload", () => role!.channel.drained);
  role.tell(serverIs("down"));
  await waitFor("the webhook", () => web.bodies.length === 1);
  expect(await holdsFor(() => !role!.kinds().includes("notify.fail"), 500)).toBe(true);
});

test("the role sends what waits before it ends", async () => {
  role = new Role(alerts({ webhook: hook() }));
  role.tell(serverIs("down"));
  role.channel.send("stop", { mode: "drain", withinMs: 5000 });
  await waitFor("the role to be done", () => role!.drained, 4000);
  expect(web.bodies.length).toBe(1);
});

test("the role ends at once when it cannot send what waits", async () => {
  role = new Role(alerts({ email: emailAt(freePort()) }));
  role.tell(serverIs("down"));
  role.channel.send("stop", { mode: "drain", withinMs: 5000 });
  await waitFor("the role to be done", () => role!.drained, 4000);
  expect(role.kinds()).toEqual(["notify.drop"]);
});
