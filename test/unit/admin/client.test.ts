import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BallastEvent } from "../../../src/admin/api.ts";
import { adminClient } from "../../../src/admin/client.ts";
import { type ClientError, clientExitCode, explainFailure } from "../../../src/admin/client-error.ts";
import { fakeSnapshot } from "../../support/fake-snapshot.ts";
import { type FakeDaemon, startFakeDaemon } from "../../support/fake-daemon.ts";

const cleanups: (() => void | Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

function socketPath(): string {
  const directory = mkdtempSync(join(tmpdir(), "ballast-client-"));
  cleanups.push(() => rmSync(directory, { recursive: true, force: true }));
  return join(directory, "admin.sock");
}

async function daemon(socket = socketPath()): Promise<FakeDaemon> {
  const started = await startFakeDaemon(socket);
  cleanups.push(() => started.close());
  return started;
}

function serve(fetch: () => Response): string {
  const socket = socketPath();
  const server = Bun.serve({ unix: socket, fetch });
  cleanups.push(() => void server.stop(true));
  return socket;
}

function errorOf(result: { readonly ok: boolean; readonly error?: ClientError }): ClientError {
  if (result.ok || result.error === undefined) throw new Error("expected an error");
  return result.error;
}

test("snapshot answers what the daemon shows", async () => {
  const { socket } = await daemon();
  const snapshot = await adminClient(socket).snapshot();
  expect(snapshot).toEqual({ ok: true, value: fakeSnapshot() });
});

test("snapshot without a socket names the path and the command to run, exit 69", async () => {
  const socket = socketPath();
  const error = errorOf(await adminClient(socket).snapshot());
  expect(error.kind).toBe("no_daemon");
  expect(error.text).toContain(socket);
  expect(error.help).toContain("ballast run");
  expect(clientExitCode(error)).toBe(69);
});

test("snapshot of a socket that nobody listens on is a missing daemon too", async () => {
  const socket = socketPath();
  // A listener that ends without removing its file, as after a crash.
  const child = Bun.spawn(
    [
      process.execPath,
      "-e",
      `Bun.serve({ unix: ${JSON.stringify(socket)}, fetch: () => new Response("") }); console.log("up")`,
    ],
    { stdout: "pipe" },
  );
  await child.stdout.getReader().read();
  child.kill("SIGKILL");
  await child.exited;
  const error = errorOf(await adminClient(socket).snapshot());
  expect(error.kind).toBe("no_daemon");
  expect(error.text).toContain("nobody listens");
});

test("explainFailure of a refused permission is exit 77", () => {
  const error = explainFailure("/run/x.sock", Object.assign(new Error("denied"), { code: "EACCES" }), 1000);
  expect(error.kind).toBe("permission");
  expect(clientExitCode(error)).toBe(77);
});

test("explainFailure of a time limit names it, exit 75", () => {
  const error = explainFailure("/run/x.sock", new DOMException("late", "TimeoutError"), 5000);
  expect(error.text).toContain("5 s");
  expect(clientExitCode(error)).toBe(75);
});

test("snapshot of another API version says so", async () => {
  const socket = serve(() => Response.json({ ...fakeSnapshot(), api: 99 }));
  expect(errorOf(await adminClient(socket).snapshot()).text).toContain("API 99");
});

test("snapshot of something that is not Ballast is a bad answer, not a crash", async () => {
  const socket = serve(() => new Response("<html>"));
  expect(errorOf(await adminClient(socket).snapshot()).kind).toBe("bad_answer");
});

test("snapshot refused with 403 is a permission error", async () => {
  const socket = serve(() => new Response("no", { status: 403 }));
  expect(errorOf(await adminClient(socket).snapshot()).kind).toBe("permission");
});

test("request hands a refusal over as the daemon's reply", async () => {
  const { socket } = await daemon();
  const reply = await adminClient(socket).request({ op: "server_weight", backend: "app", server: "none", weight: 1 });
  expect(reply).toEqual({ ok: true, value: { ok: false, kind: "not_found", text: "no server app/none" } });
});

test("config says in which form it came", async () => {
  const { socket } = await daemon();
  const config = await adminClient(socket).config({ defaults: false, json: false });
  expect(config.ok && config.value.json).toBe(false);
  expect(config.ok && config.value.text).toContain("[global]");
});

test("events answers those after an id", async () => {
  const { socket } = await daemon();
  const events = await adminClient(socket).events(2);
  expect(events.ok && events.value.map((event) => event.id)).toEqual([3]);
});

test("follow goes on after the daemon came back, without a gap or a repetition", async () => {
  const fake = await daemon();
  const seen: number[] = [];
  let lost = 0;
  const waiters = new Set<() => void>();
  const wake = (): void => {
    for (const waiter of waiters) waiter();
  };
  const until = (condition: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const check = (): void => {
        if (!condition()) return;
        waiters.delete(check);
        resolve();
      };
      waiters.add(check);
      check();
    });
  const stop = adminClient(fake.socket).follow(3, {
    onEvent: (event: BallastEvent) => {
      seen.push(event.id);
      wake();
    },
    onLost: () => {
      lost++;
      wake();
    },
    onConnected: wake,
  });
  cleanups.push(stop);
  const say = (text: string): void =>
    fake.emit({ level: "info", source: "test", kind: "test.event", object: "", text, fields: {} });
  say("one");
  await until(() => seen.length === 1);
  await fake.drop();
  await until(() => lost > 0);
  say("missed while away");
  await fake.restore();
  await until(() => seen.length === 2);
  say("three");
  await until(() => seen.length === 3);
  expect(seen).toEqual([4, 5, 6]);
});
