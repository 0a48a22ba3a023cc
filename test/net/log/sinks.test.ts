/** Log targets with real receivers: files, pipes, UDP and Unix datagrams. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createSocket } from "node:dgram";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LogTarget } from "../../../src/config/types.ts";
import { giveLogFiles } from "../../../src/log/shell/log-files.ts";
import { Logger, type TroubleHandler } from "../../../src/log/shell/sinks.ts";
import { AF, SOCK } from "../../../src/sys/abi.ts";
import { Loop } from "../../../src/sys/loop.ts";
import { pinned } from "../../../src/sys/memory.ts";
import { bind, close, recv, socket } from "../../../src/sys/socket.ts";
import { startProcess, stopAllProcesses } from "../../support/process.ts";
import { waitFor } from "../../support/wait.ts";

const identity = { tag: "ballast", pid: 42, host: "lb1" };
let directory = "";
let loop: Loop;
let finished: Promise<void>;
let logger: Logger | null = null;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "ballast-log-"));
  loop = new Loop();
  finished = loop.run();
});
afterEach(async () => {
  logger?.close();
  logger = null;
  loop.stop();
  await finished;
  await stopAllProcesses();
  rmSync(directory, { recursive: true, force: true });
});

function target(fields: Partial<LogTarget> & Pick<LogTarget, "sink">): LogTarget {
  return { facility: "local0", level: "info", format: "plain", ...fields };
}

type Told = (readonly [string, string | null])[];

function teller(told: Told): TroubleHandler {
  return (name, reason) => told.push([name, reason]);
}

function access(text: string): void {
  const bytes = new TextEncoder().encode(text);
  logger?.accessBytes(bytes, 0, bytes.length);
}

test("a file gets access lines bare, events with time and level, and survives its rotation", async () => {
  const path = join(directory, "log");
  logger = new Logger(loop, [target({ sink: { kind: "file", path } })], identity);
  access("127.0.0.1:1 [date] web");
  logger.event("notice", "server.state server=app/a to=down");
  logger.event("debug", "not.this");
  await waitFor("two lines", () => readFileSync(path, "utf8").split("\n").length === 3);
  expect(readFileSync(path, "utf8")).toMatch(
    /^127\.0\.0\.1:1 \[date\] web\n\d{4}-\d\d-\d\dT[\d:.]+\S+ notice server\.state server=app\/a to=down\n$/,
  );
  access("before");
  renameSync(path, `${path}.1`);
  logger.configure([target({ sink: { kind: "file", path } })]);
  access("after");
  await waitFor("the new file", () => existsSync(path) && readFileSync(path, "utf8") === "after\n");
  expect(readFileSync(`${path}.1`, "utf8")).toEndWith("before\n");
});

test("UDP syslog gets one datagram a line in both formats", async () => {
  const receiver = createSocket("udp4");
  const received: string[] = [];
  receiver.on("message", (message) => received.push(message.toString()));
  await new Promise<void>((resolve) => receiver.bind(0, "127.0.0.1", resolve));
  const { port } = receiver.address();
  const sink = { kind: "syslog", address: { kind: "inet", family: 4, host: "127.0.0.1", port } } as const;
  logger = new Logger(loop, [target({ sink, format: "rfc3164" }), target({ sink, format: "rfc5424" })], identity);
  access("line one");
  logger.event("err", "line.two");
  await waitFor("four datagrams", () => received.length === 4);
  receiver.close();
  expect(
    received.filter((text) => /^<134>\w{3} [ \d]\d [\d:]{8} lb1 ballast\[42\]: line one$/.test(text)),
  ).toHaveLength(1);
  expect(received.filter((text) => /^<131>1 \S+T\S+ lb1 ballast 42 - - line\.two$/.test(text))).toHaveLength(1);
});

test("a Unix socket that appears later gets what was logged before", async () => {
  const path = join(directory, "dev-log");
  const told: Told = [];
  logger = new Logger(loop, [target({ sink: { kind: "unix", path }, format: "rfc3164" })], identity, teller(told));
  logger.event("info", "early");
  expect(told).toEqual([[`unix:${path}`, expect.stringContaining("no such file")]]);
  const fd = socket(AF.UNIX, SOCK.DGRAM | SOCK.NONBLOCK, 0);
  expect(bind(fd, { kind: "unix", path })).toBe(0);
  const memory = pinned(1000);
  const text = await waitFor("the line", () => {
    const length = recv(fd, memory.address, 1000, 0);
    return length > 0 && new TextDecoder().decode(memory.bytes.subarray(0, length));
  });
  close(fd);
  expect(text).toMatch(/^<134>\w{3} [ \d]\d [\d:]{8} ballast\[42\]: early$/);
  expect(told.at(-1)).toEqual([`unix:${path}`, null]);
});

test("a reload keeps targets that stay and closes the others", async () => {
  const [a, b] = [join(directory, "a"), join(directory, "b")];
  const [toA, toB] = [target({ sink: { kind: "file", path: a } }), target({ sink: { kind: "file", path: b } })];
  logger = new Logger(loop, [toA], identity);
  access("one");
  logger.configure([toA, toB]);
  access("two");
  logger.configure([toB]);
  access("three");
  await waitFor("both files", () => readFileSync(b, "utf8") === "two\nthree\n");
  expect(readFileSync(a, "utf8")).toBe("one\ntwo\n");
});

test("a directory that is not there is trouble in words and nothing else", () => {
  const path = join(directory, "absent", "log");
  const told: Told = [];
  logger = new Logger(loop, [target({ sink: { kind: "file", path } })], identity, teller(told));
  access("lost");
  logger.configure([target({ sink: { kind: "file", path } })]);
  expect(told).toEqual([[`file:${path}`, expect.stringContaining("ENOENT")]]);
});

test("a file that can be opened after all is told of, though there is nothing to write", async () => {
  const folder = join(directory, "absent");
  const told: Told = [];
  const sink = { kind: "file", path: join(folder, "log") } as const;
  logger = new Logger(loop, [target({ sink })], identity, teller(told));
  expect(told).toHaveLength(1);
  mkdirSync(folder);
  await waitFor("the end of the trouble", () => told.length > 1);
  expect(told[1]).toEqual([`file:${sink.path}`, null]);
});

test("a target that was no good and is no target any more is no trouble", () => {
  const told: Told = [];
  const sink = { kind: "file", path: join(directory, "absent", "log") } as const;
  logger = new Logger(loop, [target({ sink })], identity, teller(told));
  logger.configure([]);
  expect(told.map(([name, reason]) => [name, reason === null])).toEqual([
    [`file:${sink.path}`, false],
    [`file:${sink.path}`, true],
  ]);
});

test("a full disk, where a file opens and takes nothing, is told once", async () => {
  const told: Told = [];
  const sink = { kind: "file", path: "/dev/full" } as const;
  logger = new Logger(loop, [target({ sink })], identity, teller(told));
  access("lost");
  await waitFor("the failure", () => told.length > 0);
  // What a reload does: it opens the file again.
  logger.configure([target({ sink })]);
  access("lost, too");
  logger.close();
  expect(told).toEqual([["file:/dev/full", "no space left on device"]]);
});

test("wantsAccess is false when no target admits information", () => {
  const sink = { kind: "file", path: join(directory, "log") } as const;
  logger = new Logger(loop, [target({ sink, level: "warning" })], identity);
  expect(logger.wantsAccess).toBe(false);
  logger.configure([target({ sink })]);
  expect(logger.wantsAccess).toBe(true);
});

test("a rotated file whose successor cannot be opened is written on", async () => {
  const path = join(directory, "log");
  const targets = [target({ sink: { kind: "file", path } })];
  logger = new Logger(loop, targets, identity);
  renameSync(path, `${path}.1`);
  mkdirSync(path);
  logger.configure(targets);
  access("kept");
  await waitFor("the line", () => readFileSync(`${path}.1`, "utf8") === "kept\n");
});

test.if(process.getuid?.() === 0)("giveLogFiles makes files for another user and follows no link", () => {
  const [path, link, outside] = ["log", "link", "outside"].map((name) => join(directory, name));
  writeFileSync(outside, "");
  symlinkSync(outside, link);
  const targets = [path, link].map((file) => target({ sink: { kind: "file", path: file } }));
  const problems = giveLogFiles(targets, { uid: 65534, gid: 65534 });
  expect(problems).toEqual([expect.stringContaining(`log target file:${link}: ELOOP`)]);
  expect([statSync(path).uid, statSync(path).mode & 0o777, statSync(outside).uid]).toEqual([65534, 0o640, 0]);
});

test("a reader of stderr that stops reading loses lines, learns how many, and never blocks the role", async () => {
  const child = join(import.meta.dir, "flood-child.ts");
  const go = join(directory, "go");
  // cat begins to read when the file appears.
  const shell = `bun ${child} 2>&1 >/dev/null | (until [ -e ${go} ]; do sleep 0.02; done; cat)`;
  const flood = startProcess(["sh", "-c", shell], { env: { ...process.env, FLOOD_GO: go } });
  expect(await flood.exited).toBe(0);
  const lines = flood.stdout().trimEnd().split("\n");
  const whole = lines.filter((line) => /^flood \d+ x{100}$/.test(line));
  const confessed = lines.map((line) => / warning log\.dropped lines=(\d+)$/.exec(line)?.[1]).filter(Boolean);
  const dropped = confessed.reduce((sum, count) => sum + Number(count), 0);
  expect(dropped).toBeGreaterThan(0);
  expect(whole.length + dropped).toBe(20_000);
  expect(whole.length + confessed.length).toBe(lines.length);
});
