/**
 * Checks by one packet. Ping: the echo comes back (keepalived, PING_CHECK). UDP: no ICMP error within the time means that somebody listens (keepalived, UDP_CHECK). DNS:
 * an answer to our question with NOERROR (keepalived, DNS_CHECK).
 */
import type { SocketAddress } from "../../config/types-proxy.ts";
import { decodeDnsAnswer, type DnsType, encodeDnsQuery } from "../../net/dns.ts";
import { encodeEcho, ICMP_PROTOCOL, isEchoReply } from "../../net/icmp.ts";
import { AF, EPOLL, SOCK } from "../../sys/abi.ts";
import { E, errnoText } from "../../sys/errno.ts";
import type { Loop } from "../../sys/loop.ts";
import { pinned } from "../../sys/memory.ts";
import * as sockets from "../../sys/socket.ts";
import { connectionProblem, L4_OK, L7_TIMEOUT, type ProbeResult } from "../result.ts";
import { receiveScratch, type RunningProbe } from "./probe-socket.ts";

const sendScratch = pinned(1024);
const UDP_SOCKET = { type: SOCK.DGRAM, protocol: 0 } as const;
const PING_OK: ProbeResult = { kind: "checked", passed: true, status: "L4OK", info: "echo reply" };
const PING_TIMEOUT: ProbeResult = { kind: "checked", passed: false, status: "L4TOUT", info: "no echo reply" };
/** RFC 862's port would echo anything; most services ignore what they do not understand. */
const UDP_PAYLOAD = new TextEncoder().encode("ballast-check\n");

export function startUdpProbe(
  loop: Loop,
  target: SocketAddress,
  timeoutMs: number,
  done: (result: ProbeResult) => void,
): RunningProbe {
  // Any answer is a sign of life, whatever it says.
  return startPacket(loop, target, UDP_SOCKET, UDP_PAYLOAD, timeoutMs, L4_OK, () => L4_OK, done);
}

/** Needs CAP_NET_RAW. sequence: 0–65535, a new one for each probe; it tells probes of one process apart. */
export function startPingProbe(
  loop: Loop,
  target: SocketAddress,
  sequence: number,
  timeoutMs: number,
  done: (result: ProbeResult) => void,
): RunningProbe {
  const family = target.kind === "inet" ? target.family : 4;
  const identifier = process.pid & 0xffff;
  const payload = encodeEcho(family, identifier, sequence);
  const read = (length: number): ProbeResult | null =>
    isEchoReply(family, receiveScratch.bytes, length, identifier, sequence) ? PING_OK : null;
  const kind = { type: SOCK.RAW, protocol: ICMP_PROTOCOL[family] };
  return startPacket(loop, target, kind, payload, timeoutMs, PING_TIMEOUT, read, done);
}

/** id: 0–65535, a new one for each question. */
export function startDnsProbe(
  loop: Loop,
  target: SocketAddress,
  question: { readonly id: number; readonly name: string; readonly type: DnsType },
  timeoutMs: number,
  done: (result: ProbeResult) => void,
): RunningProbe {
  const { id, name, type } = question;
  const read = (length: number): ProbeResult | null => {
    const answer = decodeDnsAnswer(receiveScratch.bytes, length, id);
    // Not to our question: the right answer may still come.
    if (!answer.ok) return null;
    const passed = answer.value === "NOERROR";
    return { kind: "checked", passed, status: passed ? "L7OK" : "L7STS", info: `DNS ${answer.value}` };
  };
  return startPacket(loop, target, UDP_SOCKET, encodeDnsQuery(id, name, type), timeoutMs, L7_TIMEOUT, read, done);
}

/** `silence`: what the passing of the time means; `read`: what an answer means, null: wait on. */
function startPacket(
  loop: Loop,
  target: SocketAddress,
  kind: { readonly type: number; readonly protocol: number },
  payload: Uint8Array,
  timeoutMs: number,
  silence: ProbeResult,
  read: (length: number) => ProbeResult | null,
  done: (result: ProbeResult) => void,
): RunningProbe {
  let ended = false;
  const family = target.kind === "inet" && target.family === 6 ? AF.INET6 : AF.INET;
  const fd = sockets.socket(family, kind.type | SOCK.NONBLOCK | SOCK.CLOEXEC, kind.protocol);
  if (fd < 0) {
    loop.defer(() => done({ kind: "unable", reason: errnoText(fd) }));
    return { cancel: () => undefined };
  }
  const end = (result: ProbeResult | null): void => {
    if (ended) return;
    ended = true;
    timer.cancel();
    watch.close();
    sockets.close(fd);
    if (result !== null) done(result);
  };
  const timer = loop.after(timeoutMs, () => end(silence));
  const watch = loop.watch(fd, EPOLL.IN, () => {
    const length = sockets.recv(fd, receiveScratch.address, receiveScratch.bytes.length, 0);
    if (length === -E.AGAIN || length === -E.INTR) return;
    const result = length < 0 ? connectionProblem(errnoText(length)) : read(length);
    if (result !== null) end(result);
  });
  const connected = sockets.connect(fd, target);
  sendScratch.bytes.set(payload);
  const sent = connected < 0 ? connected : sockets.send(fd, sendScratch.address, payload.length, 0);
  if (sent < 0) loop.defer(() => end(connectionProblem(errnoText(sent))));
  return { cancel: () => end(null) };
}
