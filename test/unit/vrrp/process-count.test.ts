import { expect, test } from "bun:test";
import { ProcessCount } from "../../../src/vrrp/process-count.ts";

const WANTED = new Set(["sshd"]);

test("ProcessCount.look counts what runs now and forgets what ended", () => {
  const processes = new ProcessCount();
  const names: Record<number, string> = { 1: "init", 7: "sshd", 9: "sshd" };
  processes.look([1, 7, 9], (pid) => names[pid], WANTED);
  expect(processes.count("sshd")).toBe(2);
  processes.look([1, 9], (pid) => names[pid], WANTED);
  expect(processes.count("sshd")).toBe(1);
  processes.look([1], (pid) => names[pid], WANTED);
  expect(processes.count("sshd")).toBe(0);
});

test("ProcessCount.look sees a shell that becomes the program, and a counted one that becomes something else", () => {
  const processes = new ProcessCount();
  processes.look([7], () => "sh", WANTED);
  processes.look([7], () => "sshd", WANTED);
  expect(processes.count("sshd")).toBe(1);
  for (let look = 0; look < 10; look++) processes.look([7], () => "sshd", WANTED);
  processes.look([7], () => "cat", WANTED);
  expect(processes.count("sshd")).toBe(0);
});

test("ProcessCount.look reads few names of a busy node once it knows them, and all of them in turn", () => {
  const processes = new ProcessCount();
  const pids = Array.from({ length: 2000 }, (_, i) => i + 1);
  for (let look = 0; look < 4; look++) processes.look(pids, () => "idle", WANTED);
  const read = new Set<number>();
  let most = 0;
  for (let look = 0; look < 40; look++) {
    let reads = 0;
    const nameOf = (pid: number): string => {
      read.add(pid);
      reads++;
      return "idle";
    };
    processes.look(pids, nameOf, WANTED);
    most = Math.max(most, reads);
  }
  expect(most).toBe(64);
  expect(read.size).toBe(2000);
});

test("ProcessCount.look leaves out a process that ended while it looked", () => {
  const processes = new ProcessCount();
  processes.look([7], () => null, WANTED);
  expect(processes.count("sshd")).toBe(0);
});
