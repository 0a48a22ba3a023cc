/**
 * What this node's kernel has: links and their addresses, kept up to date from dumps and notifications.
 * A core: facts go in, changes come out.
 */
import { unreachable } from "../lib/result.ts";
import { sameAddress } from "../net/address.ts";
import type { AddressFact, LinkFact, RouteFact } from "./codec-route.ts";

/** A node with more links or addresses than this is not one that Ballast was made for; the rest is not followed. */
const LINKS_MAX = 4096;
const ADDRESSES_MAX = 16384;

export type NodeChange =
  /** Somebody else removed a route or rule of ours, or may have; the view does not know them. */
  | { readonly kind: "forwarding_gone" }
  | { readonly kind: "link"; readonly link: LinkFact }
  | { readonly kind: "link_gone"; readonly name: string }
  | { readonly kind: "address"; readonly linkName: string; readonly address: AddressFact; readonly own: boolean }
  | { readonly kind: "address_gone"; readonly linkName: string; readonly address: AddressFact; readonly own: boolean };

export class NodeView {
  private readonly links = new Map<number, LinkFact>();
  /** Link index → address key → address. Nodes with thousands of addresses exist; nothing here scans them all. */
  private readonly addresses = new Map<number, Map<string, AddressFact>>();
  private addressCount = 0;

  link(name: string): LinkFact | null {
    for (const link of this.links.values()) if (link.name === name) return link;
    return null;
  }

  allLinks(): readonly LinkFact[] {
    return [...this.links.values()];
  }

  addressesOf(linkIndex: number): readonly AddressFact[] {
    return [...(this.addresses.get(linkIndex)?.values() ?? [])];
  }

  /** One address of a link, told from others by local address and prefix length as the kernel does; null: not there. */
  address(linkIndex: number, address: Uint8Array, prefixLength: number): AddressFact | null {
    return this.addresses.get(linkIndex)?.get(addressKey(address, prefixLength)) ?? null;
  }

  /** Becomes what `fresh` says after a dump; answers the differences, as if they had been notified one by one. */
  replaceWith(fresh: NodeView): readonly NodeChange[] {
    const changes: (NodeChange | null)[] = [];
    for (const link of this.allLinks()) {
      if (!fresh.links.has(link.index)) changes.push(this.applyLinkGone(link.index));
    }
    for (const address of this.allAddresses()) {
      if (fresh.known(address) === null) changes.push(this.applyAddressGone(address, false));
    }
    for (const link of fresh.allLinks()) changes.push(this.applyLink(link));
    for (const address of fresh.allAddresses()) {
      const isNew = this.known(address) === null;
      const change = this.applyAddress(address, false);
      if (isNew) changes.push(change);
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
    this.addressCount -= this.addresses.get(index)?.size ?? 0;
    this.addresses.delete(index);
    return { kind: "link_gone", name: before.name };
  }

  private applyAddress(address: AddressFact, own: boolean): NodeChange | null {
    const ofLink = this.addresses.get(address.linkIndex) ?? new Map<string, AddressFact>();
    if (this.known(address) === null) {
      if (this.addressCount >= ADDRESSES_MAX) return null;
      this.addressCount++;
      this.addresses.set(address.linkIndex, ofLink);
    }
    ofLink.set(addressKey(address.address, address.prefixLength), address);
    return { kind: "address", linkName: this.nameOf(address.linkIndex), address, own };
  }

  private applyAddressGone(address: AddressFact, own: boolean): NodeChange | null {
    const ofLink = this.addresses.get(address.linkIndex);
    if (ofLink?.delete(addressKey(address.address, address.prefixLength)) === true) this.addressCount--;
    return { kind: "address_gone", linkName: this.nameOf(address.linkIndex), address, own };
  }

  private known(address: AddressFact): AddressFact | null {
    return this.address(address.linkIndex, address.address, address.prefixLength);
  }

  private allAddresses(): readonly AddressFact[] {
    return [...this.addresses.values()].flatMap((ofLink) => [...ofLink.values()]);
  }

  private nameOf(linkIndex: number): string {
    return this.links.get(linkIndex)?.name ?? "";
  }
}

function addressKey(address: Uint8Array, prefixLength: number): string {
  return `${address.join(".")}/${prefixLength}`;
}
