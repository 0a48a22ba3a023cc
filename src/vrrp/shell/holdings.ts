/** What one instance has on the node while it leads: its VIPs, then the routes and rules that go over their networks. */
import type { RoutePort } from "../../netlink/route-port.ts";
import type { Trouble } from "../instance.ts";
import type { InstanceSettings, Vip } from "../settings.ts";
import type { AcceptKeeper } from "./accept-keeper.ts";
import { ForwardKeeper } from "./forward-keeper.ts";
import type { Mover } from "./mover.ts";
import { VipKeeper } from "./vip-keeper.ts";

export class Holdings {
  private settings: InstanceSettings;
  private readonly mover: Mover;
  private readonly vips: VipKeeper;
  private readonly forwarding: ForwardKeeper;
  private readonly accept: AcceptKeeper;

  constructor(settings: InstanceSettings, route: RoutePort, mover: Mover, accept: AcceptKeeper) {
    this.settings = settings;
    this.mover = mover;
    this.accept = accept;
    this.vips = new VipKeeper(settings, route);
    this.forwarding = new ForwardKeeper(route);
  }

  /** Has the kernel asked, now or together with other instances; `done` gets what it refused. */
  add(done: (troubles: readonly Trouble[]) => void): void {
    // Rules before addresses: there is no moment in which the VIP takes a packet.
    const { identity, accept, vips } = this.settings;
    const refusal = this.accept.refuse(identity, accept ? [] : vips);
    if (refusal !== null) return done([openTrouble(vips, refusal)]);
    const { requests, finish } = this.vips.prepareAdd();
    this.mover.move({
      operation: "add",
      requests,
      done: (results) => {
        const refused = finish(results);
        done([...refused, ...this.forwarding.add(this.settings)]);
      },
    });
  }

  /** The other way round; `done` gets in words what the kernel refused. */
  remove(done: (refusals: readonly string[]) => void): void {
    const left = this.forwarding.remove(this.settings);
    const { requests, finish } = this.vips.prepareRemoval(this.settings.vips);
    this.mover.move({
      operation: "remove",
      requests,
      done: (results) => {
        const refusals = [...left, ...finish(results)];
        const kept = this.accept.refuse(this.settings.identity, []);
        done(kept === null ? refusals : [...refusals, `packets are still dropped: ${kept}`]);
      },
    });
  }

  /** Packets to its VIPs are to be dropped, and cannot be: why it must not lead; null: they can, or need not. */
  openness(): Trouble | null {
    const { accept, vips } = this.settings;
    const refusal = accept ? null : this.accept.prepare(true);
    return refusal === null ? null : openTrouble(vips, refusal);
  }

  /** Takes new settings and lets go at once of what is no longer among them. Answers what the kernel refused. */
  release(settings: InstanceSettings): readonly string[] {
    const refusals = [...this.forwarding.keep(this.settings, settings), ...this.vips.reconfigure(settings)];
    this.settings = settings;
    return refusals;
  }

  /** Takes away what a killed predecessor left; answers the VIPs among it. */
  removeLeftovers(): readonly Vip[] {
    this.forwarding.removeLeftovers(this.settings);
    return this.vips.removeLeftovers();
  }

  /** Sets virtual routes and rules again that somebody removed. */
  restoreForwarding(): ReturnType<ForwardKeeper["restore"]> {
    return this.forwarding.restore(this.settings);
  }

  /** VIPs that this process set and has not removed. */
  held(): readonly Vip[] {
    return this.vips.held();
  }

  /** The first VIP that somebody else set; null: none. */
  foreignVip(): Vip | null {
    return this.vips.foreignVip();
  }
}

export function openTrouble(vips: readonly Vip[], refusal: string): Trouble {
  const text = `packets to it would not be dropped (accept = false): ${refusal}`;
  return { kind: "address", address: vips.map((vip) => vip.text).join(", "), text };
}
