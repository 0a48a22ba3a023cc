import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EPOLL } from "../../../src/sys/abi.ts";
import { Loop } from "../../../src/sys/loop.ts";
import { pinned } from "../../../src/sys/memory.ts";
import { socketPair } from "../../../src/sys/message.ts";
import { close, recv, send } from "../../../src/sys/socket.ts";

let directory = "";

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "ballast-loop-"));
  const made = Bun.spawnSync(
    ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"].concat([
      "-subj",
      "/CN=localhost",
      "-keyout",
      join(directory, "key.pem"),
      "-out",
      join(directory, "cert.pem"),
    ]),
  );
  expect(made.exitCode).toBe(0);
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

test("loop keeps Bun timers, TLS sockets, child messages and promises alive under 10,000 FFI events a second", async () => {
  const proof = join(import.meta.dir, "../../support/loop-proof.ts");
  const child = Bun.spawn({
    cmd: [process.execPath, proof, join(directory, "key.pem"), join(directory, "cert.pem")],
    stdout: "pipe",
  });
  const counts = (await new Response(child.stdout).json()) as Record<string, number>;
  const seconds = counts["seconds"]!;
  expect(counts["ffiEvents"]! / seconds).toBeGreaterThan(10_000);
  // An eighth of what an idle machine reaches: starvation would leave single digits.
  expect(counts["bunTimers"]!).toBeGreaterThan(10);
  expect(counts["loopTimers"]!).toBeGreaterThan(25);
  expect(counts["promises"]!).toBeGreaterThan(25);
  expect(counts["tlsEchoes"]!).toBeGreaterThan(15);
  expect(counts["childMessages"]!).toBeGreaterThan(8);
});

test("watch drops events of a descriptor whose watch was closed in the same turn", async () => {
  const loop = new Loop();
  const ends = socketPair();
  if (typeof ends === "number") throw new Error("socketpair failed");
  const [a, b] = ends;
  const byte = pinned(1);
  const seen: string[] = [];
  const watchA = loop.watch(a, EPOLL.IN, () => {
    seen.push("a");
    watchB.close();
    watchA.close();
  });
  const watchB = loop.watch(b, EPOLL.IN, () => {
    seen.push("b");
    watchA.close();
    watchB.close();
  });
  send(a, byte.address, 1, 0);
  send(b, byte.address, 1, 0);
  loop.after(30, () => loop.stop());
  await loop.run();
  expect(seen).toHaveLength(1);
  expect(recv(a, byte.address, 1, 0) + recv(b, byte.address, 1, 0)).toBeGreaterThan(0);
  close(a);
  close(b);
});

test("after runs timers in order of their deadline and not those that were cancelled", async () => {
  const loop = new Loop();
  const seen: number[] = [];
  for (const delayMs of [30, 10, 20]) loop.after(delayMs, () => void seen.push(delayMs));
  loop.after(15, () => void seen.push(15)).cancel();
  loop.after(40, () => loop.stop());
  await loop.run();
  expect(seen).toEqual([10, 20, 30]);
});
