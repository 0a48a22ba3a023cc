/**
 * In which order the roles go (pure): VRRP first, so that the VIPs leave while the proxy still serves; then the workers,
 * whose sessions end; then the director; then notify, which tells people of all that; the admin role is the last to be
 * seen.
 */
import type { RoleName } from "../ipc/messages.ts";

/** VRRP gives its addresses away before the proxy stops; longer than this nobody waits for it. */
const VRRP_WITHIN_MS = 1000;
/** One message to a server that answers; that this node stops is what people want to know. */
const NOTIFY_WITHIN_MS = 5000;
/** The commands that a virtual server with omega runs at the end. */
const DIRECTOR_WITHIN_MS = 5000;
/** Admin has nothing to finish. */
const OTHERS_WITHIN_MS = 1000;

export interface StopStep {
  readonly role: RoleName;
  readonly withinMs: number;
}

/** The role that is to end now, given the roles that still have processes; null: none is left. */
export function nextToStop(present: ReadonlySet<RoleName>, drainLimitMs: number): StopStep | null {
  const order: readonly StopStep[] = [
    { role: "vrrp", withinMs: VRRP_WITHIN_MS },
    { role: "worker", withinMs: drainLimitMs },
    { role: "director", withinMs: DIRECTOR_WITHIN_MS },
    { role: "notify", withinMs: NOTIFY_WITHIN_MS },
    { role: "admin", withinMs: OTHERS_WITHIN_MS },
  ];
  return order.find(({ role }) => present.has(role)) ?? null;
}
