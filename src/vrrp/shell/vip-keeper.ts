/**
 * The VIPs of one instance on the node: sets them, removes them, and knows whose an address is. It never touches one
 * that somebody else set.
 */
import { ADDRESS_OWNER, type AddressFact, type AddressRequest } from "../../netlink/codec-route.ts";
import type { AddressResult, RoutePort } from "../../netlink/route-port.ts";
import { addressText } from "../../net/address.ts";
import { E } from "../../sys/errno.ts";
import { kernelIsAtLeast } from "../../sys/kernel.ts";
import type { Trouble } from "../instance.ts";
import { findVip, vipRequest } from "../node-facts.ts";
import type { InstanceSettings, Vip } from "../settings.ts";
import { priority } from "../wire.ts";

/** IFA_PROTO came with Linux 5.18; before, nothing tells whose an address is. */
const KERNEL_KEEPS_OWNER = kernelIsAtLeast(5, 18);

/** What the kernel is to be asked, and what becomes of its answers. */
export interface Prepared<Outcome> {
  readonly requests: readonly AddressRequest[];
  readonly finish: (results: readonly AddressResult[]) => Outcome;
}

export class VipKeeper {
  settings: InstanceSettings;
  private readonly route: RoutePort;
  /**
   * VIPs that this process set, by key: on kernels that do not keep the owner tag the only proof. The number of the
   * interface stands with it: somebody may rename one, and the VIP on it has to be found again.
   */
  private readonly setHere = new Map<string, number>();

  constructor(settings: InstanceSettings, route: RoutePort) {
    this.settings = settings;
    this.route = route;
  }

  /** Sets all VIPs; those that are there already stay. Answers what the kernel refused. */
  add(): readonly Trouble[] {
    const { requests, finish } = this.prepareAdd();
    return finish(this.route.change("add", requests));
  }

  prepareAdd(): Prepared<readonly Trouble[]> {
    const { view } = this.route;
    this.removeDisplaced();
    const requests: AddressRequest[] = [];
    const added: Vip[] = [];
    for (const vip of this.settings.vips) {
      // An owner's own address, or one that somebody set meanwhile: it serves, and it is not ours to remove later.
      if (this.isForeign(vip)) continue;
      const link = view.link(vip.interfaceName);
      if (link === null) {
        const text = `interface ${vip.interfaceName} does not exist`;
        return { requests: [], finish: () => [{ kind: "address", address: vip.text, text }] };
      }
      requests.push(vipRequest(link.index, vip));
      added.push(vip);
    }
    const finish = (results: readonly AddressResult[]): readonly Trouble[] => {
      const troubles: Trouble[] = [];
      results.forEach((result, i) => {
        const vip = added[i];
        if (result.errno === 0) this.setHere.set(vipKey(vip), result.request.linkIndex);
        else if (result.errno !== E.EXIST) troubles.push({ kind: "address", address: vip.text, text: result.text });
      });
      return troubles;
    };
    return { requests, finish };
  }

  /** Removes those of `vips` that are ours. Answers, in words, what the kernel refused. */
  remove(vips: readonly Vip[]): readonly string[] {
    const { requests, finish } = this.prepareRemoval(vips);
    return finish(this.route.change("remove", requests));
  }

  prepareRemoval(vips: readonly Vip[]): Prepared<readonly string[]> {
    const requests = vips.flatMap((vip) => this.placesOf(vip).map((linkIndex) => vipRequest(linkIndex, vip)));
    for (const vip of vips) this.setHere.delete(vipKey(vip));
    const finish = (results: readonly AddressResult[]): readonly string[] =>
      results
        .filter(({ errno }) => errno !== 0 && errno !== E.ADDRNOTAVAIL && errno !== E.NODEV)
        .map(({ request, text }) => `${addressText(request.address)} cannot be removed: ${text}`);
    return { requests, finish };
  }

  /** Our VIPs on a node that does not lead: a predecessor was killed. Removes them and answers which. */
  removeLeftovers(): readonly Vip[] {
    const left = this.settings.vips.filter((vip) => findVip(this.route.view, vip) !== null && this.isOurs(vip));
    this.remove(left);
    return left;
  }

  /** Those that this process set and has not removed. */
  held(): readonly Vip[] {
    return this.settings.vips.filter((vip) => this.setHere.has(vipKey(vip)));
  }

  /** The first VIP that somebody else set; null: none. The address owner's VIPs are meant to be there. */
  foreignVip(): Vip | null {
    if (this.settings.params.basePriority === priority.owner) return null;
    return this.settings.vips.find((vip) => this.isForeign(vip)) ?? null;
  }

  /** Other settings for the same instance; VIPs that are no longer among them go. */
  reconfigure(settings: InstanceSettings): readonly string[] {
    const kept = new Set(settings.vips.map(vipKey));
    const refusals = this.remove(this.settings.vips.filter((vip) => !kept.has(vipKey(vip))));
    this.settings = settings;
    return refusals;
  }

  /** Takes away VIPs on interfaces that have another name by now, before they are set where they belong. */
  private removeDisplaced(): void {
    const requests: AddressRequest[] = [];
    for (const vip of this.settings.vips) {
      const setOn = this.setHere.get(vipKey(vip));
      if (setOn === undefined || setOn === this.route.view.link(vip.interfaceName)?.index) continue;
      this.setHere.delete(vipKey(vip));
      requests.push(vipRequest(setOn, vip));
    }
    // The kernel refuses only what went with its interface.
    if (requests.length > 0) this.route.change("remove", requests);
  }

  /** Interfaces, by number, on which the VIP stands and is ours. */
  private placesOf(vip: Vip): readonly number[] {
    const named = this.isOurs(vip) ? this.route.view.link(vip.interfaceName)?.index : undefined;
    const places = new Set([named, this.setHere.get(vipKey(vip))]);
    return [...places].filter((linkIndex) => linkIndex !== undefined);
  }

  private isForeign(vip: Vip): boolean {
    return findVip(this.route.view, vip) !== null && !this.isOurs(vip);
  }

  private isOurs(vip: Vip): boolean {
    if (this.setHere.has(vipKey(vip))) return true;
    const fact: AddressFact | null = findVip(this.route.view, vip);
    if (fact === null) return false;
    // Without tags whatever is there must be ours, but for the address that the node owns.
    return (
      fact.owner === ADDRESS_OWNER || (!KERNEL_KEEPS_OWNER && this.settings.params.basePriority !== priority.owner)
    );
  }
}

/** With all that the kernel does not change of an address that is there: another label means to remove it and set it anew. */
function vipKey({ text, interfaceName, scope, broadcast, label }: Vip): string {
  return `${text} on ${interfaceName} scope ${scope} broadcast ${broadcast?.join(".") ?? ""} label ${label ?? ""}`;
}
