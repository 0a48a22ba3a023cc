/**
 * A hand in each namespace: `agent.ts NAME` listens on a Unix socket, which any namespace reaches, and serves, asks or
 * holds connections there on demand. One process for each node: starting programs is what costs time in the machine.
 */
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { type AgentOrder, agentSocket } from "./agent-orders.ts";

const name = process.argv[2]!;
/** Longer than a SYN that is sent again twice. */
const ANSWER_MS = 4000;

const servers = new Map<number, Server>();
const clients = new Set<Socket>();
const udpServers = new Map<number, UdpSocket>();
const held = new Map<string, Socket>();

/** Answers every chunk with the server's name; enough of HTTP for curl and health checks. */
function answer(socket: Socket, text: string): void {
  if (!/^(GET|HEAD) /.test(text)) {
    socket.write(`${name} ${text}`);
    return;
  }
  socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${name.length + 1}\r\nConnection: close\r\n\r\n${name}\n`);
}

function serve(port: number): Promise<string> {
  const server = createServer((socket) => {
    clients.add(socket);
    socket.on("data", (chunk) => answer(socket, chunk.toString("latin1")));
    socket.on("error", () => socket.destroy());
    socket.on("close", () => clients.delete(socket));
  });
  servers.set(port, server);
  return new Promise((done, failed) => {
    server.on("error", failed);
    server.listen(port, "::", () => done("listening"));
  });
}

function stop(port: number): string {
  servers.get(port)?.close();
  servers.delete(port);
  for (const socket of clients) if (socket.localPort === port) socket.destroy();
  return "stopped";
}

function serveUdp(address: string, port: number): Promise<string> {
  const socket = createSocket("udp4");
  udpServers.set(port, socket);
  socket.on("message", (_bytes, peer) => socket.send(name, peer.port, peer.address));
  return new Promise((done) => socket.bind(port, address, () => done("listening")));
}

/** One connection, one line there and back. */
function ask(address: string, port: number, localAddress?: string): Promise<string> {
  return new Promise((done) => {
    const socket = createConnection({ host: address, port, ...(localAddress === undefined ? {} : { localAddress }) });
    const finish = (text: string): void => {
      socket.destroy();
      done(text);
    };
    socket.setTimeout(ANSWER_MS, () => finish("timeout"));
    socket.on("connect", () => socket.write("hello\n"));
    socket.on("data", (chunk) => finish(chunk.toString().split(" ")[0]!));
    socket.on("error", (error: NodeJS.ErrnoException) => finish(error.code ?? error.message));
    socket.on("end", () => finish("closed"));
  });
}

/** One datagram there and back; closes the socket unless it is to be used again. */
function askUdp(socket: UdpSocket, address: string, port: number): Promise<string> {
  return new Promise((done) => {
    const timer = setTimeout(() => finish("timeout"), ANSWER_MS);
    const finish = (text: string): void => {
      clearTimeout(timer);
      socket.removeAllListeners();
      done(text);
    };
    socket.on("error", (error) => finish(error.message));
    socket.on("message", (bytes) => finish(bytes.toString()));
    socket.send("hello", port, address);
  });
}

async function askUdpSeveral(order: AgentOrder & { readonly kind: "ask-udp" }): Promise<string[]> {
  let socket = createSocket("udp4");
  const answers: string[] = [];
  for (let index = 0; index < order.count; index++) {
    answers.push(await askUdp(socket, order.address, order.port));
    if (order.oneSocket) continue;
    socket.close();
    socket = createSocket("udp4");
  }
  socket.close();
  return answers;
}

function hold(id: string, address: string, port: number): Promise<string> {
  return new Promise((done) => {
    const socket = createConnection({ host: address, port });
    held.set(id, socket);
    socket.setTimeout(ANSWER_MS, () => done("timeout"));
    socket.on("connect", () => {
      socket.setTimeout(0);
      done("open");
    });
    socket.on("error", (error: NodeJS.ErrnoException) => done(error.code ?? error.message));
  });
}

/** One line over a held connection: who answered, or how it failed. */
function say(id: string): Promise<string> {
  const socket = held.get(id);
  if (socket === undefined) return Promise.resolve("no such connection");
  if (socket.destroyed) return Promise.resolve("lost");
  return new Promise((done) => {
    const timer = setTimeout(() => finish("timeout"), ANSWER_MS);
    const finish = (text: string): void => {
      clearTimeout(timer);
      socket.removeAllListeners("data").removeAllListeners("close");
      done(text);
    };
    socket.on("data", (chunk) => finish(chunk.toString().split(" ")[0]!));
    socket.on("close", () => finish("lost"));
    socket.write("still here\n");
  });
}

async function several(count: number, one: () => Promise<string>): Promise<string[]> {
  const answers: string[] = [];
  for (let index = 0; index < count; index++) answers.push(await one());
  return answers;
}

async function obey(order: AgentOrder): Promise<readonly string[]> {
  switch (order.kind) {
    case "serve":
      return [await serve(order.port)];
    case "serve-udp":
      return [await serveUdp(order.address, order.port)];
    case "stop":
      return [stop(order.port)];
    case "ask":
      return several(order.count, () => ask(order.address, order.port, order.from));
    case "ask-udp":
      return askUdpSeveral(order);
    case "hold":
      return [await hold(order.id, order.address, order.port)];
    case "say":
      return [await say(order.id)];
    case "drop":
      held.get(order.id)?.end();
      held.delete(order.id);
      return ["closed"];
  }
}

Bun.serve({
  unix: agentSocket(name, process.argv[3]!),
  fetch: async (request) => Response.json(await obey((await request.json()) as AgentOrder)),
});
console.log("agent ready");
