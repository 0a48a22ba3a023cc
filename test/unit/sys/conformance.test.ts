/** What Ballast relies on of Bun's FFI and of the kernel; runs on every Bun upgrade. */
import { expect, test } from "bun:test";
import { AF, MSG, SOCK } from "../../../src/sys/abi.ts";
import { E } from "../../../src/sys/errno.ts";
import { pinned, pinnedMemoryIsStable } from "../../../src/sys/memory.ts";
import { receiveWithDescriptors, sendWithDescriptors, socketPair } from "../../../src/sys/message.ts";
import * as socket from "../../../src/sys/socket.ts";
import { closePipe, openPipe, splice } from "../../../src/sys/splice.ts";

test("pinned memory stays where it is when functions get hot and views are taken", () => {
  const memory = pinned(16);
  let sum = 0;
  for (let i = 0; i < 200_000; i++) {
    socket.recv(-1, memory.address, 16, MSG.DONTWAIT);
    sum += memory.bytes.subarray(0, 1).byteOffset + memory.bytes.buffer.byteLength;
  }
  expect(sum).toBe(16 * 200_000);
  expect(pinnedMemoryIsStable()).toBe(true);
});

test("pinned memory receives what the kernel writes after 100,000 calls", () => {
  const ends = socketPair();
  if (typeof ends === "number") throw new Error("socketpair failed");
  const out = pinned(8);
  const into = pinned(8);
  for (let i = 0; i < 100_000; i++) {
    out.view.setUint32(0, i, true);
    socket.send(ends[0], out.address, 4, 0);
    socket.recv(ends[1], into.address, 4, 0);
    if (into.view.getUint32(0, true) !== i) throw new Error(`stale read at ${i}`);
  }
  ends.forEach(socket.close);
});

test("socket calls answer -errno of the very call that failed", () => {
  expect(socket.recv(-1, pinned(1).address, 1, 0)).toBe(-E.BADF);
  expect(socket.socket(99, SOCK.STREAM, 0)).toBe(-E.AFNOSUPPORT);
  const fd = socket.socket(AF.INET, SOCK.STREAM, 0);
  expect(socket.connect(fd, { kind: "inet", family: 4, host: "127.0.0.1", port: 1 })).toBe(-E.CONNREFUSED);
  expect(socket.close(fd)).toBe(0);
});

test("openListener, accept and lastPeer agree on addresses for IPv4 and IPv6", () => {
  const cases = [
    { family: 4, host: "127.0.0.1" },
    { family: 6, host: "::1" },
  ] as const;
  for (const { family, host } of cases) {
    const listener = socket.openListener({ kind: "inet", family, host, port: 0 }, { freebind: false, subject: "test" });
    const { port } = socket.localAddress(listener)!;
    const client = socket.socket(family === 4 ? AF.INET : AF.INET6, SOCK.STREAM, 0);
    expect(socket.connect(client, { kind: "inet", family, host, port })).toBe(0);
    const accepted = socket.accept(listener);
    expect(accepted).toBeGreaterThan(0);
    expect(socket.lastPeer()).toEqual({ ...socket.localAddress(client)!, host });
    expect(socket.accept(listener)).toBe(-E.AGAIN);
    [listener, client, accepted].forEach(socket.close);
  }
});

test("openListener names the address and the reason when the port is taken", () => {
  const target = { kind: "inet", family: 4, host: "127.0.0.1", port: 0 } as const;
  const listener = socket.openListener(target, { freebind: false, subject: "first" });
  const { port } = socket.localAddress(listener)!;
  const again = (): number =>
    socket.openListener({ ...target, port }, { freebind: false, subject: "frontend.web.bind[0]" });
  expect(again).toThrow("frontend.web.bind[0]: bind: address already in use");
  socket.close(listener);
});

test("splice moves bytes from socket to socket through a pipe", () => {
  const left = socketPair();
  const right = socketPair();
  const pipe = openPipe(1 << 20);
  if (typeof left === "number" || typeof right === "number" || typeof pipe === "number") throw new Error("no sockets");
  expect(pipe.capacityBytes).toBeGreaterThanOrEqual(65536);
  const memory = pinned(4);
  memory.bytes.set([1, 2, 3, 4]);
  socket.send(left[0], memory.address, 4, 0);
  expect(splice(left[1], pipe.writeEnd, 65536, false)).toBe(4);
  expect(splice(pipe.readEnd, right[0], 65536, false)).toBe(4);
  memory.bytes.fill(0);
  expect(socket.recv(right[1], memory.address, 4, 0)).toBe(4);
  expect([...memory.bytes]).toEqual([1, 2, 3, 4]);
  expect(splice(left[1], pipe.writeEnd, 65536, false)).toBe(-E.AGAIN);
  [...left, ...right].forEach(socket.close);
  closePipe(pipe);
});

test("descriptors travel with the bytes that they were sent with", () => {
  const ends = socketPair();
  const passed = socketPair();
  if (typeof ends === "number" || typeof passed === "number") throw new Error("socketpair failed");
  const memory = pinned(4);
  memory.bytes[0] = 7;
  expect(sendWithDescriptors(ends[0], memory.address, 1, [passed[0]])).toBe(1);
  const descriptors: number[] = [];
  expect(receiveWithDescriptors(ends[1], memory.address, 4, descriptors)).toBe(1);
  expect(descriptors).toHaveLength(1);
  memory.bytes[0] = 9;
  socket.send(descriptors[0]!, memory.address, 1, 0);
  memory.bytes[0] = 0;
  expect(socket.recv(passed[1], memory.address, 1, 0)).toBe(1);
  expect(memory.bytes[0]).toBe(9);
  [...ends, ...passed, ...descriptors].forEach(socket.close);
});

test("closeWithReset makes the peer see a reset", () => {
  const target = { kind: "inet", family: 4, host: "127.0.0.1", port: 0 } as const;
  const listener = socket.openListener(target, { freebind: false, subject: "test" });
  const client = socket.socket(AF.INET, SOCK.STREAM, 0);
  socket.connect(client, { ...target, port: socket.localAddress(listener)!.port });
  const accepted = socket.accept(listener);
  socket.closeWithReset(accepted);
  expect(socket.recv(client, pinned(1).address, 1, 0)).toBe(-E.CONNRESET);
  [listener, client].forEach(socket.close);
});
