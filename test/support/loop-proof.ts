/**
 * A process whose data-plane kind is kept busy by a ping-pong over a socket pair while a Bun timer, a Bun TLS echo,
 * messages of a child process and a loop timer run beside it. Prints what each achieved as JSON.
 */
import { EPOLL } from "../../src/sys/abi.ts";
import { Loop } from "../../src/sys/loop.ts";
import { pinned } from "../../src/sys/memory.ts";
import { socketPair } from "../../src/sys/message.ts";
import { recv, send } from "../../src/sys/socket.ts";

const RUN_MS = 4000;
const [key, cert] = [process.argv[2]!, process.argv[3]!];

const loop = new Loop();
const counts = { ffiEvents: 0, bunTimers: 0, loopTimers: 0, tlsEchoes: 0, childMessages: 0, promises: 0 };

const ends = socketPair();
if (typeof ends === "number") throw new Error("socketpair failed");
const byte = pinned(1);
const kind = loop.addKind((slot) => {
  counts.ffiEvents++;
  const fd = ends[slot]!;
  if (recv(fd, byte.address, 1, 0) === 1) send(fd, byte.address, 1, 0);
});
ends.forEach((fd, slot) => loop.register(fd, EPOLL.IN | EPOLL.ET, kind, slot, 0));
send(ends[0], byte.address, 1, 0);

setInterval(() => counts.bunTimers++, 50);
loop.every(20, () => {
  counts.loopTimers++;
  void Promise.resolve().then(() => counts.promises++);
});

const server = Bun.listen({
  hostname: "127.0.0.1",
  port: 0,
  tls: { key: Bun.file(key), cert: Bun.file(cert) },
  socket: { data: (socket, bytes) => void socket.write(bytes) },
});
await Bun.connect({
  hostname: "127.0.0.1",
  port: server.port,
  tls: { rejectUnauthorized: false },
  socket: {
    handshake: (socket) => void socket.write("x"),
    data(socket, bytes) {
      counts.tlsEchoes++;
      setTimeout(() => socket.write(bytes), 10);
    },
  },
});

const child = Bun.spawn({
  cmd: [process.execPath, "-e", "setInterval(() => process.send('tick'), 50)"],
  ipc: () => void counts.childMessages++,
});

setTimeout(() => loop.stop(), RUN_MS);
const started = performance.now();
await loop.run();
process.stdout.write(JSON.stringify({ ...counts, seconds: (performance.now() - started) / 1000 }));
child.kill();
await child.exited;
process.exit(0);
