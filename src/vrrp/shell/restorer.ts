/** What others take from the node is put back: VIPs by their instances, virtual routes and rules a moment later. */
import type { NodeChange } from "../../netlink/node-view.ts";
import type { RoutePort } from "../../netlink/route-port.ts";
import { sameAddress } from "../../net/address.ts";
import type { Loop } from "../../sys/loop.ts";
import type { GroupSettler } from "./group-settler.ts";
import type { Runner } from "./runner.ts";

/** A routing daemon that removes ours removes more in the same breath; it is also how often we contend with it. */
const RESTORE_AFTER_MS = 100;

export class Restorer {
  private readonly loop: Loop;
  private readonly route: RoutePort;
  private readonly groups: GroupSettler;
  private readonly runners: () => readonly Runner[];
  private isDue = false;

  constructor(loop: Loop, route: RoutePort, groups: GroupSettler, runners: () => readonly Runner[]) {
    this.loop = loop;
    this.route = route;
    this.groups = groups;
    this.runners = runners;
  }

  /** Somebody else removed an address. */
  address(change: Extract<NodeChange, { kind: "address_gone" }>): void {
    for (const runner of this.runners()) {
      const vip = runner.settings.vips.find(
        (candidate) =>
          candidate.interfaceName === change.linkName &&
          candidate.prefixLength === change.address.prefixLength &&
          sameAddress(candidate.address, change.address.address),
      );
      if (vip !== undefined) runner.handle({ kind: "address_lost", address: vip.text });
    }
  }

  /** A route or rule with our mark is gone. */
  forwarding(): void {
    if (this.isDue) return;
    this.isDue = true;
    this.loop.after(RESTORE_AFTER_MS, () => {
      this.isDue = false;
      // Whoever lost an address or the link lost routes with it, and is told of that first.
      this.route.drain();
      this.groups.tell(() => {
        for (const runner of this.runners()) runner.restoreForwarding();
      });
    });
  }
}
