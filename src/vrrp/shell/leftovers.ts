/** Addresses that a killed speaker left on the node. */
import { ADDRESS_OWNER } from "../../netlink/codec-route.ts";
import type { RoutePort } from "../../netlink/route-port.ts";
import { sameAddress } from "../../net/address.ts";
import type { Vip } from "../settings.ts";

/**
 * At the start no address with our tag can be in use: what stands on the interfaces that we serve is removed, but for the
 * configured VIPs, of which each instance reports its own. The configuration may have changed since.
 */
export function sweepStrays(route: RoutePort, vips: readonly Vip[]): void {
  for (const name of new Set(vips.map((vip) => vip.interfaceName))) {
    const link = route.view.link(name);
    if (link === null) continue;
    const strays = route.view
      .addressesOf(link.index)
      .filter((fact) => fact.owner === ADDRESS_OWNER && !vips.some((vip) => sameAddress(vip.address, fact.address)));
    route.change(
      "remove",
      strays.map((fact) => ({ ...fact, broadcast: null })),
    );
  }
}
