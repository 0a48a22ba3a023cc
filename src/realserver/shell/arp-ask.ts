/** Asks a segment by ARP who has an address, without claiming it (RFC 5227), and collects every answer. */
import { formatIp, parseIp } from "../../lib/ip.ts";
import { arpOperation, arpProbe, decodeArp, encodeArp, ETHERTYPE_ARP } from "../../net/arp.ts";
import { pinned } from "../../sys/memory.ts";
import { openPacketReceiver, openPacketSender, sendFrame } from "../../sys/packet-socket.ts";
import { close, recv } from "../../sys/socket.ts";

/** An Ethernet frame without tags. */
const FRAME_BYTES = 1514;
const QUESTIONS = 3;
/** Answers come within a millisecond; a busy machine takes longer to run us again. */
const ANSWER_WITHIN_MS = 150;
const LOOK_MS = 10;
const SUBJECT = "ARP probe";

const frame = pinned(FRAME_BYTES);

/** Address → MAC addresses of those who answered, as text. IPv4 only; `mac`: where answers are to go. @throws SysError */
export async function askArp(
  interfaceIndex: number,
  mac: Uint8Array,
  addresses: readonly string[],
): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const filter = { offset: 12, words: [(ETHERTYPE_ARP << 16) | 1] };
  const receiver = openPacketReceiver({ interfaceIndex, etherType: ETHERTYPE_ARP, filter, subject: SUBJECT });
  try {
    const sender = openPacketSender(SUBJECT);
    const answers = new Map<string, Set<string>>(addresses.map((address) => [address, new Set<string>()]));
    try {
      for (let question = 0; question < QUESTIONS; question++) {
        for (const address of addresses) sendQuestion(sender, interfaceIndex, mac, address);
        const endMs = performance.now() + ANSWER_WITHIN_MS;
        while (performance.now() < endMs) {
          takeAnswers(receiver, answers);
          await Bun.sleep(LOOK_MS);
        }
      }
      return answers;
    } finally {
      close(sender);
    }
  } finally {
    close(receiver);
  }
}

function sendQuestion(fd: number, index: number, mac: Uint8Array, text: string): void {
  const address = parseIp(text);
  if (address?.family !== 4) return;
  sendFrame(fd, index, frame.address, encodeArp(frame.bytes, arpProbe(mac, address.bytes)));
}

function takeAnswers(fd: number, answers: ReadonlyMap<string, Set<string>>): void {
  for (;;) {
    const length = recv(fd, frame.address, FRAME_BYTES, 0);
    if (length <= 0) return;
    const decoded = decodeArp(frame.bytes, length);
    if (!decoded.ok || decoded.value.operation !== arpOperation.reply) continue;
    const { senderAddress, senderMac } = decoded.value;
    answers.get(formatIp({ family: 4, bytes: senderAddress.slice() }))?.add(macText(senderMac));
  }
}

export function macText(mac: Uint8Array): string {
  return [...mac].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}
