/** Skew and down times (RFC 3768 §6.1, RFC 9568 §6.1), in milliseconds with their exact fraction. */

/** Adverts that a master may miss before the backup takes over (keepalived down_timer_adverts). */
const DOWN_ADVERTS = 3;

/**
 * A peer's tiny interval must not turn a garbage collection of ours into a failover: the down time does not fall
 * below this unless this node's own configuration asks for less. Collections of up to 40 ms were measured.
 */
const ADOPTED_DOWN_MS_MIN = 300;

/** How long a backup of `priority` holds back so that a better one goes first. */
export function skewMs(version: 2 | 3, priority: number, intervalMs: number): number {
  const unitMs = version === 2 ? 1000 : intervalMs;
  return ((256 - priority) * unitMs) / 256;
}

/** Silence of the master after which a backup takes over. */
export function downMs(version: 2 | 3, priority: number, intervalMs: number): number {
  return DOWN_ADVERTS * intervalMs + skewMs(version, priority, intervalMs);
}

/** The down time under an interval that the master dictates, kept from falling under what this node can bear. */
export function adoptedDownMs(version: 2 | 3, priority: number, adoptedMs: number, ownMs: number): number {
  const floorMs = Math.min(ADOPTED_DOWN_MS_MIN, downMs(version, priority, ownMs));
  return Math.max(downMs(version, priority, adoptedMs), floorMs);
}
