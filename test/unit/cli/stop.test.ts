/** `ballast stop` against a daemon whose admin role ends before the rest of it does. */
import { afterEach, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fakeSnapshot } from "../../support/fake-snapshot.ts";

const main = join(import.meta.dir, "../../support/cli-main.ts");
const cleanups: (() => void)[] = [];

afterEach(() => {
  for (const cleanup of cleanups.splice(0).toReversed()) cleanup();
});

type Answer = (socket: Socket, server: Server) => void;

/** A daemon that takes the order to stop and treats the questions after it one by one; the last answer is repeated. */
function stoppingDaemon(answers: readonly Answer[]): { readonly socket: string; readonly asked: () => number } {
  const directory = mkdtempSync(join(tmpdir(), "ballast-stop-"));
  const path = join(directory, "admin.sock");
  let asked = 0;
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.once("data", (request) => {
      if (request.toString("latin1").startsWith("POST")) return json({ ok: true, text: "stopping" })(socket, server);
      answers[Math.min(asked++, answers.length - 1)]?.(socket, server);
    });
  });
  server.listen(path);
  cleanups.push(() => {
    server.close();
    rmSync(directory, { recursive: true, force: true });
  });
  return { socket: path, asked: () => asked };
}

function json(value: unknown): Answer {
  const body = JSON.stringify(value);
  const head = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}`;
  return (socket) => socket.end(`${head}\r\nConnection: close\r\n\r\n${body}`);
}

const cut: Answer = (socket) => socket.destroy();

const busy: Answer = (socket) =>
  socket.end("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 5\r\nConnection: close\r\n\r\nbusy\n");

/** The last of it: the listener closes, which takes the file with it. */
const gone: Answer = (socket, server) => {
  server.close();
  socket.destroy();
};

async function stop(socket: string): Promise<number> {
  const child = Bun.spawn([process.execPath, main, "-S", socket, "stop"], { stdout: "ignore", stderr: "inherit" });
  return child.exited;
}

test("a connection that is cut is no end: it waits until nobody listens", async () => {
  const daemon = stoppingDaemon([json(fakeSnapshot()), cut, busy, cut, gone]);
  expect(await stop(daemon.socket)).toBe(0);
  expect(daemon.asked()).toBe(5);
  expect(existsSync(daemon.socket)).toBe(false);
});

test("a daemon that was started after the order is a successor, and is not waited for", async () => {
  const successor = { ...fakeSnapshot(), startedWallMs: Date.now() + 60_000 };
  const daemon = stoppingDaemon([cut, json(successor)]);
  expect(await stop(daemon.socket)).toBe(0);
  expect(daemon.asked()).toBe(2);
});
