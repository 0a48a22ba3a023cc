/**
 * The nf_tables rules that keep the interface of a virtual router from reporting its multicast groups. The kernel does so
 * when an address leaves, which is just after another node took over; a switch would send the VIP's frames here again.
 *
 *   table inet ballast_vmac_N
 *     chain output   oifname NAME, IPv6 with a hop-by-hop header: drop
 */
import type { NftMessage } from "../netlink/codec-nft.ts";

const CHAIN = "output";
const PRIORITY = -1;
const TABLE_COMMENT = "made by Ballast: interfaces of virtual routers";
const DROP_COMMENT = "Ballast: membership reports leave the real interface";

/** More do not fit into one transaction. */
export const HUSHED_MAX = 128;

/** linux/if.h: IFNAMSIZ, what nf_tables compares of an interface name. */
const INTERFACE_NAME_BYTES = 16;
/** linux/netfilter.h: NFPROTO_IPV6. */
const FAMILY_IPV6 = 10;
/** RFC 8200 §3, §4.3: all reports have one in front, and nothing else that the node sends there. */
const NEXT_HEADER_OFFSET = 6;
const HOP_BY_HOP = 0;

/** Two speakers, the old and the new, may each have one. `port`: of the owner's socket. */
export function hushTable(port: number): string {
  return `ballast_vmac_${port}`;
}

/** Makes the table, which goes when its owner's socket is closed. */
export function hushMessages(table: string, interfaceNames: readonly string[]): readonly NftMessage[] {
  return [
    { kind: "add_table", table, owned: true, comment: TABLE_COMMENT },
    { kind: "add_chain", table, chain: CHAIN, priority: PRIORITY, hook: "output" },
    ...interfaceNames.map((name): NftMessage => {
      const key = new Uint8Array(INTERFACE_NAME_BYTES);
      key.set(new TextEncoder().encode(name).subarray(0, INTERFACE_NAME_BYTES - 1));
      return {
        kind: "add_rule",
        table,
        chain: CHAIN,
        expressions: [
          { kind: "meta", key: "family", into: 1 },
          { kind: "equal", from: 1, value: Uint8Array.of(FAMILY_IPV6) },
          { kind: "payload", base: "network", offset: NEXT_HEADER_OFFSET, length: 1, into: 1 },
          { kind: "equal", from: 1, value: Uint8Array.of(HOP_BY_HOP) },
          { kind: "meta", key: "outgoing_interface_name", into: 1 },
          { kind: "equal", from: 1, value: key },
          { kind: "counter" },
          { kind: "verdict", verdict: "drop" },
        ],
        comment: DROP_COMMENT,
      };
    }),
  ];
}
