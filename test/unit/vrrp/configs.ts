/** Configurations and kernel pictures for the tests of settings, status and VIPs. */
import type { VrrpConfig } from "../../../src/config/types-vrrp.ts";
import { ADDRESS_OWNER, type AddressFact, type LinkFact } from "../../../src/netlink/codec-route.ts";
import { NodeView } from "../../../src/netlink/node-view.ts";
import { addressBytes } from "../../../src/net/address.ts";

export function configWith(changes: Partial<VrrpConfig> = {}): VrrpConfig {
  return {
    name: "VI_1",
    interface: "eth0",
    virtualRouterId: 51,
    priority: 100,
    version: 2,
    advertIntervalMs: 1000,
    initialState: "backup",
    preempt: true,
    preemptDelayMs: 0,
    addresses: [vipConfig("10.0.0.10")],
    excludedAddresses: [],
    authPassword: null,
    unicast: null,
    multicastSource: null,
    garp: { delayMs: 5000, repeat: 5, refreshMs: 0, lowerPriorityRepeat: 5 },
    tracks: [],
    ...changes,
  };
}

export function vipConfig(
  address: string,
  changes: Partial<VrrpConfig["addresses"][number]> = {},
): VrrpConfig["addresses"][number] {
  return { family: 4, address, prefixLength: 24, dev: null, label: null, scope: null, broadcast: null, ...changes };
}

export const ETH0: LinkFact = {
  index: 2,
  name: "eth0",
  running: true,
  loopback: false,
  mac: Uint8Array.of(2, 0, 0, 0, 0, 10),
  mtuBytes: 1500,
};

export function addressFact(address: string, changes: Partial<AddressFact> = {}): AddressFact {
  return {
    linkIndex: 2,
    family: 4,
    address: addressBytes(address),
    prefixLength: 24,
    scope: 0,
    secondary: false,
    tentative: false,
    label: null,
    owner: 0,
    ...changes,
  };
}

/** An address that Ballast set. */
export const ours = (address: string): AddressFact => addressFact(address, { owner: ADDRESS_OWNER, secondary: true });

/** A node with eth0 and these addresses on it. */
export function nodeWith(...addresses: readonly AddressFact[]): NodeView {
  const view = new NodeView();
  view.apply({ kind: "link", link: ETH0 }, false);
  for (const address of addresses) view.apply({ kind: "address", address }, false);
  return view;
}
