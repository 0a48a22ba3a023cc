/**
 * Proves that the kernel does not answer ARP for an address: a pair of interfaces is made, a question goes into one end,
 * and whatever the other end answers comes back. The end that is asked has the arp_ignore of the interface that receives
 * packets for the address; everything else about it is new, so nothing but the kernel's decision is tested.
 */
import { writeFileSync } from "node:fs";
import type { RoutePort } from "../../netlink/route-port.ts";
import { SysError } from "../../sys/errno.ts";
import { interfaceIndex } from "../../sys/interface.ts";
import { sysctlPath } from "../plan.ts";
import { askArp } from "./arp-ask.ts";

/** Any address of our own range does: the answer comes back on the same wire. */
const ASKING_MAC = Uint8Array.of(0x02, 0, 0, 0, 0, 1);
/** The two ends; no other program has interfaces of these names. */
const NAMES = ["ballast-ask", "ballast-answer"] as const;
const NOTE = "ballast realserver status";

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
    const answers = await askArp(interfaceIndex(asking), ASKING_MAC, vips);
    return { kind: "asked", answered: vips.filter((vip) => (answers.get(vip)?.size ?? 0) > 0) };
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    return { kind: "unable", reason: error.message };
  } finally {
    removePair(port);
  }
}

/** One end takes the other with it. */
function removePair(port: RoutePort): void {
  const index = interfaceIndex(NAMES[0]);
  if (index !== 0) port.changeLink({ kind: "delete", index });
}
