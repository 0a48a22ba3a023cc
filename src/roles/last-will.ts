/** The vrrp role's last will (src/vrrp/will.ts) in the hands of the supervisor, which never looks into its packets. */
import type { VrrpWill } from "../ipc/messages.ts";
import { carryOut } from "../vrrp/shell/carry-out.ts";

const NOTHING: VrrpWill = { packets: [], addresses: [] };

export class LastWill {
  private will = NOTHING;

  /** The newest one counts. A speaker that does not lead, or has said goodbye itself, leaves nothing to do. */
  set(will: VrrpWill): void {
    this.will = will;
  }

  /** Its speaker has ended. Words for an event; null: there was nothing to do. */
  open(): string | null {
    const { will } = this;
    this.will = NOTHING;
    if (will.packets.length === 0 && will.addresses.length === 0) return null;
    const refusals = carryOut(will);
    const done = `said goodbye for the dead vrrp role and removed ${will.addresses.map((vip) => vip.address).join(", ")}`;
    return refusals.length === 0 ? done : `${done}; the kernel refused: ${refusals.join("; ")}`;
  }
}
