/** How the kernel has the real servers of services that are ours: what a director that knows nothing yet goes on with. */
import type { RealServerConfig, VirtualServerConfig } from "../config/types-lvs.ts";
import { endpointText, serviceKey, type ServiceState } from "./model.ts";
import type { Ownership } from "./ownership.ts";
import { destinationsOf, type Held } from "./virtual-servers.ts";

/** Null: none of its services was ours. */
export function heldBy(
  kernel: readonly ServiceState[],
  owned: Ownership,
): (virtual: VirtualServerConfig, real: RealServerConfig) => Held | null {
  const services = new Map(kernel.map((state) => [serviceKey(state.id), state]));
  return (virtual, real) => {
    let held: Held | null = null;
    for (const [id, destination] of destinationsOf(virtual, real)) {
      const key = serviceKey(id);
      const state = services.get(key);
      if (state === undefined || !owned.has(key)) continue;
      const found = state.destinations.find((each) => endpointText(each) === endpointText(destination));
      if (found !== undefined) return found.weight;
      held = "absent";
    }
    return held;
  };
}
