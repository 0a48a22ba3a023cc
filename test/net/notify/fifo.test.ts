import { afterEach, beforeEach, expect, test } from "bun:test";
import { closeSync, constants, existsSync, openSync, readSync, symlinkSync, writeFileSync } from "node:fs";
import { Fifo } from "../../../src/notify/shell/fifo.ts";
import { mustRun, stopAllProcesses } from "../../support/process.ts";
import { Folder } from "./programs.ts";

let folder: Folder;
let fifo: Fifo;

beforeEach(() => {
  folder = new Folder();
  fifo = new Fifo(folder.file("notify"));
});

afterEach(async () => {
  fifo.close();
  folder.remove();
  await stopAllProcesses();
});

function readAll(path: string): string {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const bytes = new Uint8Array(256 * 1024);
  const length = readSync(fd, bytes);
  closeSync(fd);
  return new TextDecoder().decode(bytes.subarray(0, length));
}

test("Fifo keeps lines for a reader that comes later, and takes its pipe away at the end", () => {
  expect(fifo.open()).toBeNull();
  expect(fifo.write("one\n")).toBeNull();
  expect(fifo.write("two\n")).toBeNull();
  expect(readAll(fifo.path)).toBe("one\ntwo\n");
  fifo.close();
  expect(existsSync(fifo.path)).toBe(false);
});

test("Fifo uses a pipe that is there and leaves it there", async () => {
  await mustRun(["mkfifo", fifo.path]);
  expect(fifo.write("line\n")).toBeNull();
  fifo.close();
  expect(existsSync(fifo.path)).toBe(true);
});

test("Fifo never waits: a pipe that nobody reads fills up, lines are lost, and they are taken again afterwards", () => {
  const line = `${"x".repeat(1000)}\n`;
  let written = 0;
  while (fifo.write(line) === null && written < 1000) written++;
  expect(written).toBeGreaterThan(10);
  expect(written).toBeLessThan(1000);
  expect(fifo.write(line)).toBe("is full: nobody reads it");
  expect(readAll(fifo.path).length % line.length).toBe(0);
  expect(fifo.write("short\n")).toBeNull();
});

test("Fifo refuses what is no pipe and follows no link", () => {
  writeFileSync(fifo.path, "precious");
  expect(fifo.write("line\n")).toBe("is no named pipe");
  expect(folder.read("notify")).toBe("precious");
  const link = new Fifo(folder.file("link"));
  symlinkSync("/dev/null", link.path);
  expect(link.write("line\n")).toMatch(/^cannot be opened: /);
  link.close();
});
