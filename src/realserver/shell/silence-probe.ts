/**
 * Proves that the kernel does not answer ARP for an address: a pair of interfaces is made, a question goes into one end,
 * and whatever the other end answers comes back. The end that is asked has the arp_ignore of the interface that receives
 * packets for the address; everything else about it is new, so nothing but the kernel's decision is tested.
 */
import { writeFileSync } from "node:fs";
import { formatIp, parseIp } from "../../lib/ip.ts";
import { arpOperation, arpProbe, decodeArp, encodeArp, ETHERTYPE_ARP } from "../../net/arp.ts";
import type { RoutePort } from "../../netlink/route-port.ts";
import { SysError } from "../../sys/errno.ts";
import { interfaceIndex } from "../../sys/interface.ts";
import { pinned } from "../../sys/memory.ts";
import { openPacketReceiver, openPacketSender, sendFrame } from "../../sys/packet-socket.ts";
import { close, recv } from "../../sys/socket.ts";
import { sysctlPath } from "../plan.ts";

/** An Ethernet frame without tags. */
const FRAME_BYTES = 1514;
const QUESTIONS = 3;
/** The kernel answers within the same millisecond; a busy machine takes longer to run us again. */
const ANSWER_WITHIN_MS = 150;
const LOOK_MS = 10;
/** The two ends; no other program has interfaces of these names. */
const NAMES = ["ballast-ask", "ballast-answer"] as const;
const NOTE = "ballast realserver status";

const frame = pinned(FRAME_BYTES);

export type SilenceResult =
  | { readonly kind: "asked"; readonly answered: readonly string[] }
  | { readonly kind: "unable"; readonly reason: string };

/** `arpIgnore`: of the interface that receives packets for the addresses. IPv4 addresses only. */
export async function probeSilence(
  port: RoutePort,
  vips: readonly string[],
  arpIgnore: number,
): Promise<SilenceResult> {
  const [asking, answering] = NAMES;
  removePair(port);
  const errno = port.changeLink({ kind: "add_veth", name: asking, peer: answering });
  if (errno !== 0) return { kind: "unable", reason: `no pair of interfaces could be made (error ${errno})` };
  try {
    writeFileSync(`/proc/sys/${sysctlPath(answering, "arp_ignore")}`, `${arpIgnore}\n`);
    for (const name of NAMES) port.changeLink({ kind: "up", index: interfaceIndex(name), alias: NOTE });
    return { kind: "asked", answered: await ask(vips) };
  } catch (error) {
    if (error instanceof SysError || error instanceof Error) return { kind: "unable", reason: error.message };
    throw error;
  } finally {
    removePair(port);
  }
}

/** One end takes the other with it. */
function removePair(port: RoutePort): void {
  const index = interfaceIndex(NAMES[0]);
  if (index !== 0) port.changeLink({ kind: "delete", index });
}

async function ask(vips: readonly string[]): Promise<readonly string[]> {
  const subject = "ARP probe";
  const index = interfaceIndex(NAMES[0]);
  const receiver = openPacketReceiver({
    interfaceIndex: index,
    etherType: ETHERTYPE_ARP,
    filter: { offset: 12, words: [(ETHERTYPE_ARP << 16) | 1] },
    subject,
  });
  const sender = openPacketSender(subject);
  try {
    const answered = new Set<string>();
    for (let question = 0; question < QUESTIONS; question++) {
      for (const vip of vips) sendQuestion(sender, index, vip);
      const endMs = performance.now() + ANSWER_WITHIN_MS;
      while (performance.now() < endMs && answered.size < vips.length) {
        takeAnswers(receiver, answered);
        await Bun.sleep(LOOK_MS);
      }
    }
    return vips.filter((vip) => answered.has(vip));
  } finally {
    close(sender);
    close(receiver);
  }
}

function sendQuestion(fd: number, index: number, vip: string): void {
  const address = parseIp(vip);
  if (address?.family !== 4) return;
  // Any address of our own range does: the answer comes back on the same wire.
  const mac = Uint8Array.of(0x02, 0, 0, 0, 0, 1);
  sendFrame(fd, index, frame.address, encodeArp(frame.bytes, arpProbe(mac, address.bytes)));
}

function takeAnswers(fd: number, answered: Set<string>): void {
  for (;;) {
    const length = recv(fd, frame.address, FRAME_BYTES, 0);
    if (length <= 0) return;
    const decoded = decodeArp(frame.bytes, length);
    if (!decoded.ok || decoded.value.operation !== arpOperation.reply) continue;
    answered.add(formatIp({ family: 4, bytes: decoded.value.senderAddress.slice() }));
  }
}
