/** What an instance needs to know of the node, read from the kernel's picture: link, own address, VIPs that are there. */
import { type AddressFact, ADDRESS_OWNER, type AddressRequest } from "../netlink/codec-route.ts";
import type { NodeView } from "../netlink/node-view.ts";
import { sameAddress } from "../net/address.ts";
import { isLinkLocal } from "../net/ipv6.ts";
import type { LinkFact } from "./instance.ts";
import type { InstanceSettings, Vip } from "./settings.ts";
import { priority } from "./wire.ts";

/** The instance's interface and the address that it sends from. `allVips`: the VIPs of every instance of this node. */
export function linkFact(view: NodeView, settings: InstanceSettings, allVips: readonly Vip[]): LinkFact {
  return pathFact(view, settings, settings, allVips);
}

/** The same of the second path; null: there is none. */
export function heartbeatFact(view: NodeView, settings: InstanceSettings, allVips: readonly Vip[]): LinkFact | null {
  return settings.heartbeat === null ? null : pathFact(view, settings.heartbeat, settings, allVips);
}

function pathFact(
  view: NodeView,
  { interfaceName, source }: Pick<InstanceSettings, "interfaceName" | "source">,
  settings: InstanceSettings,
  allVips: readonly Vip[],
): LinkFact {
  const link = view.link(interfaceName);
  if (link === null) return { kind: "missing" };
  if (!link.running) return { kind: "down" };
  const address = source ?? primaryAddress(view.addressesOf(link.index), settings, allVips);
  return address === null ? { kind: "no_address" } : { kind: "up", address };
}

/**
 * The first address that is the interface's own. A VIP never is, or two nodes would speak with the same address; an
 * address owner (priority 255) is the exception, its VIP is its address.
 */
function primaryAddress(
  addresses: readonly AddressFact[],
  settings: InstanceSettings,
  allVips: readonly Vip[],
): Uint8Array | null {
  const ownsVips = settings.params.basePriority === priority.owner;
  const candidates = addresses.filter(
    (fact) =>
      fact.family === settings.family &&
      // RFC 9568 §5.1.2.1: adverts over IPv6 come from a link-local address.
      (fact.family === 4 || (isLinkLocal(fact.address) && !fact.tentative)) &&
      fact.owner !== ADDRESS_OWNER &&
      (ownsVips || !allVips.some((vip) => sameAddress(vip.address, fact.address))),
  );
  const best = candidates.find((fact) => !fact.secondary) ?? candidates[0];
  return best?.address ?? null;
}

/** The VIP as it stands in the kernel; null when it does not. */
export function findVip(view: NodeView, vip: Vip): AddressFact | null {
  const link = view.link(vip.interfaceName);
  if (link === null) return null;
  return view.address(link.index, vip.address, vip.prefixLength);
}

/** The request that sets or removes the VIP on this interface. */
export function vipRequest(linkIndex: number, vip: Vip): AddressRequest {
  return {
    linkIndex,
    family: vip.address.length === 4 ? 4 : 6,
    address: vip.address,
    prefixLength: vip.prefixLength,
    scope: vip.scope,
    broadcast: vip.broadcast,
    label: vip.label,
  };
}
