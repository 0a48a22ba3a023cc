/**
 * Answers echo requests in a namespace whose kernel does not: rightly, or as somebody would who forges answers.
 *
 *   bun test/net/echo-forger.ts HOW [ADDRESS]   true: the right answer; token: other data; identifier: of another
 *                                               program; sequence: of a question that was not asked. ADDRESS: its source
 *
 * Says so after its first answer.
 */
import { encodeEchoRequest } from "../../src/net/icmp.ts";
import { decodeIpv4 } from "../../src/net/ipv4.ts";
import { AF, SOCK } from "../../src/sys/abi.ts";
import { E } from "../../src/sys/errno.ts";
import { pinned } from "../../src/sys/memory.ts";
import { bind, lastPeer, recvfrom, sendto, socket } from "../../src/sys/socket.ts";
import { foldChecksum, sumWords } from "../../src/net/checksum.ts";

const [, , how, source] = process.argv;
const ICMP = 1;
const open = (): number => {
  const fd = socket(AF.INET, SOCK.RAW | SOCK.NONBLOCK, ICMP);
  if (fd < 0) throw new Error(`raw socket: ${fd}`);
  return fd;
};
const hears = open();
// One that is bound hears what comes to that address only.
const speaks = open();
const incoming = pinned(2048);
const outgoing = pinned(2048);
let answers = 0;
if (source !== undefined) {
  const bound = bind(speaks, { kind: "inet", family: 4, host: source, port: 0 });
  if (bound < 0) throw new Error(`bind to ${source}: ${bound}`);
}

function answer(length: number): void {
  const packet = decodeIpv4(incoming.bytes, length);
  const peer = lastPeer();
  if (!packet.ok || peer === null) return;
  const { payloadStart, payloadEnd } = packet.value;
  if (incoming.bytes[payloadStart] !== 8) return;
  const asked = incoming.bytes.slice(payloadStart, payloadEnd);
  const view = new DataView(asked.buffer);
  const identifier = view.getUint16(4) ^ (how === "identifier" ? 1 : 0);
  const sequence = (view.getUint16(6) + (how === "sequence" ? 5 : 0)) & 0xffff;
  const data = asked.slice(8);
  if (how === "token") data[3] ^= 1;
  const reply = encodeEchoRequest(4, identifier, sequence, data);
  reply.fill(0, 0, 4);
  new DataView(reply.buffer).setUint16(2, foldChecksum(sumWords(reply, 0, reply.length, 0)));
  outgoing.bytes.set(reply);
  sendto(speaks, outgoing.address, reply.length, 0, { kind: "inet", ...peer, port: 0 });
  if (answers++ === 0) console.log("answered");
}

for (;;) {
  const length = recvfrom(hears, incoming.address, 2048, 0);
  if (length >= 0) answer(length);
  else if (length === -E.AGAIN) await Bun.sleep(2);
}
