/** Which VIPs are still to be announced, one after the other, where a distance between frames is configured. */
import type { Vip } from "./settings.ts";

/**
 * What waits after another burst of `repeat` rounds over `vips`: what still waited keeps its turn, and each VIP is added as
 * often as it lacks of its rounds. Bursts that come faster than they can be sent thus starve none, and never is more than
 * VIPs × repeat of the largest burst to be sent. A VIP that is no longer among them is not announced any more.
 */
export function withBurst(waiting: readonly Vip[], vips: readonly Vip[], repeat: number): readonly Vip[] {
  const counts = new Map(vips.map((vip) => [keyOf(vip), 0]));
  const kept = waiting.filter((vip) => counts.has(keyOf(vip)));
  for (const vip of kept) counts.set(keyOf(vip), (counts.get(keyOf(vip)) ?? 0) + 1);
  const rounds = Array.from({ length: repeat }, (_, round) =>
    vips.filter((vip) => round + (counts.get(keyOf(vip)) ?? 0) < repeat),
  );
  return [...kept, ...rounds.flat()];
}

function keyOf(vip: Vip): string {
  return `${vip.text} on ${vip.interfaceName}`;
}
