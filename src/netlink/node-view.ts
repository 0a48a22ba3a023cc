/**
 * What this node's kernel has: links and their IPv4 addresses, kept up to date from dumps and notifications.
 * A core: facts go in, changes come out.
 */
import { unreachable } from "../lib/result.ts";
import { sameAddress } from "../net/address.ts";
import type { AddressFact, LinkFact, RouteFact } from "./codec-route.ts";

/** A node with more links or addresses than this is not one that Ballast was made for; the rest is not followed. */
const LINKS_MAX = 4096;
const ADDRESSES_MAX = 16384;

export type NodeChange =
  | { readonly kind: "link"; readonly link: LinkFact }
  | { readonly kind: "link_gone"; readonly name: string }
  | { readonly kind: "address"; readonly linkName: string; readonly address: AddressFact; readonly own: boolean }
  | { readonly kind: "address_gone"; readonly linkName: string; readonly address: AddressFact; readonly own: boolean };

export class NodeView {
  private readonly links = new Map<number, LinkFact>();
  private readonly addresses: AddressFact[] = [];

  link(name: string): LinkFact | null {
    for (const link of this.links.values()) if (link.name === name) return link;
    return null;
  }

  allLinks(): readonly LinkFact[] {
    return [...this.links.values()];
  }

  addressesOf(linkIndex: number): readonly AddressFact[] {
    return this.addresses.filter((fact) => fact.linkIndex === linkIndex);
  }

  allAddresses(): readonly AddressFact[] {
    return this.addresses;
  }

  /** Becomes what `fresh` says after a dump; answers the differences, as if they had been notified one by one. */
  replaceWith(fresh: NodeView): readonly NodeChange[] {
    const changes: (NodeChange | null)[] = [];
    for (const link of this.allLinks()) {
      if (!fresh.links.has(link.index)) changes.push(this.applyLinkGone(link.index));
    }
    for (const address of this.addresses.slice()) {
      if (fresh.find(address) < 0) changes.push(this.applyAddressGone(address, false));
    }
    for (const link of fresh.allLinks()) changes.push(this.applyLink(link));
    for (const address of fresh.addresses) {
      const known = this.find(address) >= 0;
      const change = this.applyAddress(address, false);
      if (!known) changes.push(change);
    }
    return changes.filter((change) => change !== null);
  }

  /** Takes in one fact. `own`: this process caused it. Answers what changed; null when nothing did. */
  apply(fact: RouteFact, own: boolean): NodeChange | null {
    switch (fact.kind) {
      case "link":
        return this.applyLink(fact.link);
      case "link_gone":
        return this.applyLinkGone(fact.index);
      case "address":
        return this.applyAddress(fact.address, own);
      case "address_gone":
        return this.applyAddressGone(fact.address, own);
      case "other":
        return null;
      default:
        return unreachable(fact);
    }
  }

  private applyLink(link: LinkFact): NodeChange | null {
    const before = this.links.get(link.index);
    if (before === undefined && this.links.size >= LINKS_MAX) return null;
    this.links.set(link.index, link);
    const same =
      before !== undefined &&
      before.name === link.name &&
      before.running === link.running &&
      before.mtuBytes === link.mtuBytes &&
      sameAddress(before.mac, link.mac);
    return same ? null : { kind: "link", link };
  }

  private applyLinkGone(index: number): NodeChange | null {
    const before = this.links.get(index);
    if (before === undefined) return null;
    this.links.delete(index);
    const kept = this.addresses.filter((fact) => fact.linkIndex !== index);
    this.addresses.length = 0;
    this.addresses.push(...kept);
    return { kind: "link_gone", name: before.name };
  }

  private applyAddress(address: AddressFact, own: boolean): NodeChange | null {
    const at = this.find(address);
    if (at >= 0) this.addresses[at] = address;
    else if (this.addresses.length < ADDRESSES_MAX) this.addresses.push(address);
    return { kind: "address", linkName: this.nameOf(address.linkIndex), address, own };
  }

  private applyAddressGone(address: AddressFact, own: boolean): NodeChange | null {
    const at = this.find(address);
    if (at >= 0) this.addresses.splice(at, 1);
    return { kind: "address_gone", linkName: this.nameOf(address.linkIndex), address, own };
  }

  /** The kernel tells addresses of a link apart by local address and prefix length. */
  private find(address: AddressFact): number {
    return this.addresses.findIndex(
      (fact) =>
        fact.linkIndex === address.linkIndex &&
        fact.prefixLength === address.prefixLength &&
        sameAddress(fact.address, address.address),
    );
  }

  private nameOf(linkIndex: number): string {
    return this.links.get(linkIndex)?.name ?? "";
  }
}
