/** Health checks against real sockets: what each kind of sick server is called, and how servers come back. */
import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AF, SOCK } from "../../../src/sys/abi.ts";
import { bind, close, connect, listen, localAddress, socket } from "../../../src/sys/socket.ts";
import { freePort } from "../../support/ports.ts";
import { mustRun } from "../../support/process.ts";
import { holdsFor, TEST_LIMIT_MS, waitFor } from "../../support/wait.ts";
import { checkOf, CheckerFixture, httpCheck, rawServer, serverAt } from "./checker-fixture.ts";

setDefaultTimeout(TEST_LIMIT_MS);

let fixture: CheckerFixture;
const cleanups: (() => void)[] = [];
beforeEach(() => {
  fixture = new CheckerFixture();
});
afterEach(async () => {
  await fixture.close();
  for (const cleanup of cleanups.splice(0)) cleanup();
});

function server(...options: Parameters<typeof rawServer>): ReturnType<typeof rawServer> {
  const made = rawServer(...options);
  cleanups.push(made.stop);
  return made;
}

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";

test("a server that accepts is up with L4OK, told once", async () => {
  const { port, connections, errors } = server(() => undefined);
  fixture.check(serverAt(port, checkOf()));
  await waitFor("three checks", () => connections() >= 3);
  expect(fixture.verdicts).toHaveLength(1);
  expect(fixture.verdicts[0]).toMatchObject({
    backend: "app",
    server: "s1",
    health: "up",
    checkStatus: "L4OK",
    checkInfo: "Layer4 check passed",
    progress: 0,
  });
  expect(errors()).toBe(0);
});

test("a refused connection takes a new server down at once", async () => {
  fixture.check(serverAt(freePort(), checkOf()));
  const first = await fixture.verdict("a verdict", () => true);
  expect(first).toMatchObject({ health: "down", checkStatus: "L4CON", checkInfo: "Connection refused", progress: 0 });
});

test("a server that was up goes down after fall failures and comes back after rise successes", async () => {
  const port = freePort();
  const listener = (): { stop: (force: boolean) => void } =>
    Bun.listen({ hostname: "127.0.0.1", port, socket: { data: () => undefined } });
  let running = listener();
  fixture.check(serverAt(port, checkOf()));
  await fixture.verdict("up", ({ health }) => health === "up");
  running.stop(true);
  await fixture.verdict("down", ({ health }) => health === "down");
  running = listener();
  cleanups.push(() => running.stop(true));
  await waitFor("up again", () => fixture.verdicts.at(-1)?.health === "up");
  expect(fixture.verdicts.map(({ health, checkStatus, progress }) => `${health} ${checkStatus} ${progress}`)).toEqual([
    "up L4OK 0",
    "up L4CON 1",
    "up L4CON 2",
    "down L4CON 0",
    "down L4OK 1",
    "up L4OK 0",
  ]);
});

test("a server that does not answer SYN is L4TOUT after the connect timeout", async () => {
  // A backlog of one that nobody accepts from: once it is full the kernel drops what else comes.
  const address = { kind: "inet", family: 4, host: "127.0.0.1", port: 0 } as const;
  const listener = socket(AF.INET, SOCK.STREAM, 0);
  bind(listener, address);
  listen(listener, 0);
  const port = localAddress(listener)!.port;
  const fillers = Array.from({ length: 4 }, () => socket(AF.INET, SOCK.STREAM | SOCK.NONBLOCK, 0));
  for (const filler of fillers) connect(filler, { ...address, port });
  cleanups.push(() => [listener, ...fillers].forEach(close));
  fixture.check(serverAt(port, checkOf(), "s1", 100));
  const verdict = await fixture.verdict("a verdict", () => true);
  expect(verdict).toMatchObject({ health: "down", checkStatus: "L4TOUT", checkInfo: "Layer4 timeout" });
  expect(verdict.checkDurationMs).toBeWithin(95, 4000);
});

test("an address without a route is L4CON in the kernel's words", async () => {
  const check = checkOf();
  const unroutable = { kind: "inet", family: 4, host: "255.255.255.255", port: 9 } as const;
  fixture.check({ ...serverAt(1, check), address: unroutable });
  const verdict = await fixture.verdict("a verdict", () => true);
  expect(verdict).toMatchObject({ health: "down", checkStatus: "L4CON" });
});

test.each([
  ["200 answer", OK, "up L7OK HTTP 200"],
  ["500 answer", "HTTP/1.1 500 No\r\n\r\n", "down L7STS HTTP 500"],
  ["garbage", "\0\u0001\u0002 hello\r\n\r\n", "down L7RSP Layer7 invalid response: status line"],
  [
    "two lengths",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "down L7RSP Layer7 invalid response: content length conflict",
  ],
])("an HTTP server with a %s is %3$s", async (_name, answer, expected) => {
  const { port } = server((socket) => void socket.write(answer));
  fixture.check(serverAt(port, httpCheck()));
  const { health, checkStatus, checkInfo } = await fixture.verdict("a verdict", () => true);
  expect(`${health} ${checkStatus} ${checkInfo}`).toBe(expected);
});

test("an HTTP server that sends its head byte by byte within the timeout is up", async () => {
  const { port } = server((socket) => {
    for (const [i, byte] of [..."HTTP/1.1 204 No\r\n\r\n"].entries()) setTimeout(() => socket.write(byte), i * 3);
  });
  fixture.check(serverAt(port, httpCheck()));
  expect(await fixture.verdict("a verdict", () => true)).toMatchObject({ checkStatus: "L7OK", checkInfo: "HTTP 204" });
});

test("an HTTP server that accepts and says nothing is L7TOUT after the check timeout", async () => {
  const { port } = server(() => undefined);
  fixture.check(serverAt(port, httpCheck({ timeoutMs: 150 })));
  const verdict = await fixture.verdict("a verdict", () => true);
  expect(verdict).toMatchObject({ health: "down", checkStatus: "L7TOUT", checkInfo: "Layer7 timeout" });
  expect(verdict.checkDurationMs).toBeWithin(145, 4000);
});

test("an HTTP server that never ends its head is cut off at 16 KiB", async () => {
  const { port } = server((socket) => {
    socket.write(`HTTP/1.1 200 OK\r\n${"X-Long: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n".repeat(1000)}`);
  });
  fixture.check(serverAt(port, httpCheck()));
  expect(await fixture.verdict("a verdict", () => true)).toMatchObject({ health: "down", checkStatus: "L7RSP" });
});

test("an HTTP server that hangs up or resets before its head is L7RSP", async () => {
  const polite = server((socket) => void socket.end());
  const rude = server((socket) => void socket.terminate());
  fixture.check(serverAt(polite.port, httpCheck(), "polite"), serverAt(rude.port, httpCheck(), "rude"));
  const first = await fixture.verdict("polite", (verdict) => verdict.server === "polite");
  expect(first).toMatchObject({ health: "down", checkStatus: "L7RSP" });
  const second = await fixture.verdict("rude", (verdict) => verdict.server === "rude");
  expect(second).toMatchObject({ health: "down", checkStatus: "L7RSP" });
});

test("a changed status is told even when the health stays", async () => {
  const raw = server((socket) => void socket.write("HTTP/1.1 500 No\r\n\r\n"));
  fixture.check(serverAt(raw.port, httpCheck()));
  await fixture.verdict("500", ({ checkInfo }) => checkInfo === "HTTP 500");
  raw.answer = (socket) => void socket.write("HTTP/1.1 503 No\r\n\r\n");
  await fixture.verdict("503", ({ checkInfo, health }) => checkInfo === "HTTP 503" && health === "down");
});

test("a check leaves no reset behind at a server that greets or answers at length", async () => {
  const greeter = server((socket) => void socket.write("220 mail.example.com ESMTP\r\n"), true);
  const talker = server((socket) => {
    socket.write(`${OK}${"x".repeat(2000)}`);
    socket.shutdown();
  });
  fixture.check(serverAt(greeter.port, checkOf(), "greeter"), serverAt(talker.port, httpCheck(), "talker"));
  await waitFor("some checks", () => greeter.connections() > 5 && talker.connections() > 5);
  expect(talker.errors()).toBe(0);
});

test("a Unix socket is checked like any other", async () => {
  const directory = mkdtempSync(join(tmpdir(), "ballast-check-"));
  cleanups.push(() => rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, "app.sock");
  const unix = Bun.serve({ unix: path, fetch: () => new Response("ok") });
  cleanups.push(() => void unix.stop(true));
  fixture.check({ ...serverAt(1, httpCheck()), address: { kind: "unix", path } });
  expect(await fixture.verdict("a verdict", () => true)).toMatchObject({ health: "up", checkStatus: "L7OK" });
});

test("maintenance stops checks; afterwards the server is up until a check fails", async () => {
  const port = freePort();
  fixture.check(serverAt(port, checkOf()));
  await fixture.verdict("down", ({ health }) => health === "down");
  fixture.checker.setMaint("app/s1", true);
  const before = fixture.verdicts.length;
  const raw = rawServer(() => undefined);
  cleanups.push(raw.stop);
  expect(await holdsFor(() => fixture.verdicts.length === before, 200)).toBe(true);
  fixture.checker.setMaint("app/s1", false);
  expect(fixture.verdicts.at(-1)).toMatchObject({ health: "up", checkStatus: "INI", progress: 2 });
  await waitFor("down again", () => fixture.verdicts.at(-1)?.health === "down");
});

test("configure leaves a server that stays the same alone, and restarts one that changed", async () => {
  const [a, b] = [server(() => undefined), server(() => undefined)];
  fixture.check(serverAt(a.port, checkOf(), "a"), serverAt(b.port, checkOf(), "b"));
  await waitFor("both", () => fixture.verdicts.length === 2);
  fixture.check(serverAt(a.port, checkOf(), "a"), serverAt(b.port, checkOf({ rise: 1 }), "b"));
  await waitFor("b again", () => fixture.verdicts.length === 3);
  expect(fixture.verdicts.map((verdict) => verdict.server)).toEqual(["a", "b", "b"]);
  fixture.check(serverAt(a.port, checkOf(), "a"));
  const { connections } = b;
  // The connection of its last check may still be on its way.
  await waitFor("b's last check to be over", () => {
    const seen = connections();
    return holdsFor(() => connections() === seen, 50);
  });
  const count = connections();
  await waitFor(
    "a checked on",
    (
      (was) => () =>
        a.connections() > was + 2
    )(a.connections()),
  );
  expect(connections()).toBe(count);
});

test("a thousand servers are spread over the interval and all judged within it", async () => {
  const raw = server(() => undefined);
  const intervalMs = 4000;
  const check = checkOf({ intervalMs, fastIntervalMs: intervalMs });
  const began = performance.now();
  fixture.check(...Array.from({ length: 1000 }, (_, i) => serverAt(raw.port, check, `s${i}`)));
  await waitFor("half the interval", () => performance.now() - began > intervalMs / 2);
  // As many as their share of the time that has really passed, and 800 ms more or less.
  const due = (1000 * (performance.now() - began)) / intervalMs;
  expect(fixture.verdicts.length).toBeWithin(due - 200, due + 200);
  await waitFor("all", () => fixture.verdicts.length === 1000);
  expect(fixture.verdicts.every(({ health }) => health === "up")).toBe(true);
});

test("a machine without descriptors judges nobody", async () => {
  const { port } = server(() => undefined);
  const child = join(import.meta.dir, "shortage-child.ts");
  const output = await mustRun(["prlimit", "--nofile=64", process.execPath, child, String(port)]);
  expect(JSON.parse(output)).toEqual({ judgedMeanwhile: 0, down: 0 });
});
