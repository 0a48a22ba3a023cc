/**
 * The kernel's switches that a macvlan interface with the virtual router's MAC address needs (keepalived vrrp_vmac.c):
 * each interface answers ARP for its own addresses only, or the real one would answer for the VIP with the wrong MAC.
 * For IPv6 the kernel answers so anyway. Every node of the virtual router has an interface of this address: what a backup
 * sent from it would draw the master's frames to its port of the switch, so it is made to say nothing by itself.
 */

export interface Switch {
  readonly interfaceName: string;
  /** Below /proc/sys/net/ipv4/conf/INTERFACE, or ipv6. */
  readonly path: string;
  readonly value: string;
}

/** Of the new interface, before it is raised and when the VIPs change. `ipv6`: there are VIPs of that family. */
export function vmacSwitches(name: string, ipv6: boolean): readonly Switch[] {
  return [
    { interfaceName: name, path: "ipv4/arp_ignore", value: "1" },
    // Adverts come from addresses of the real interface's network, which is not routed over this one.
    { interfaceName: name, path: "ipv4/rp_filter", value: "0" },
    { interfaceName: name, path: "ipv4/accept_local", value: "1" },
    { interfaceName: name, path: "ipv4/promote_secondaries", value: "1" },
    ...(ipv6 ? ipv6Switches(name) : []),
    // Last: an interface that is up makes itself an address the moment it may.
    { interfaceName: name, path: "ipv6/disable_ipv6", value: ipv6 ? "0" : "1" },
  ];
}

function ipv6Switches(name: string): readonly Switch[] {
  const values = [
    // No link-local address of its own: it would be the same on every node. Adverts go out with the real interface's.
    ["addr_gen_mode", "1"],
    // What routers advertise is for the real interface, and so are questions to them.
    ["accept_ra", "0"],
    ["autoconf", "0"],
    ["router_solicitations", "0"],
    // Which node has the address was decided by the election: a claim of the last master must not disable it.
    ["accept_dad", "0"],
    // Leaving the groups of addresses is told at once (kernel: within a second), before the next master speaks.
    ["mldv1_unsolicited_report_interval", "1"],
    ["mldv2_unsolicited_report_interval", "1"],
  ] as const;
  return values.map(([key, value]) => ({ interfaceName: name, path: `ipv6/${key}`, value }));
}

/** Of the real interface, as long as there is a macvlan interface of ours on it. */
export function baseSwitches(name: string): readonly Switch[] {
  return [
    { interfaceName: name, path: "ipv4/arp_ignore", value: "1" },
    { interfaceName: name, path: "ipv4/arp_filter", value: "1" },
    // Its own ARP requests must not carry the VIP as their sender, or neighbours learn the wrong MAC from them
    // (keepalived does not set this, and they do).
    { interfaceName: name, path: "ipv4/arp_announce", value: "2" },
  ];
}

/** The note on an interface of ours, with what the real one's switches stood at: a restarted speaker puts them back. */
export function vmacAlias(before: readonly string[]): string {
  return `ballast vmac ${before.join(" ")}`.trimEnd();
}

/** What the note says; null: the interface is not ours. */
export function readVmacAlias(alias: string | null | undefined): readonly string[] | null {
  const match = /^ballast vmac((?: \d+)*)$/.exec(alias ?? "");
  return match === null ? null : match[1].split(" ").filter((word) => word !== "");
}
