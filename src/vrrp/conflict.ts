/**
 * Another host answers for a VIP that this node holds: told from its ARP, whatever it speaks besides. A master that does
 * not hear our adverts is found so, and a host that somebody gave the address by mistake.
 */
import { later, type MonoMs } from "../lib/time.ts";
import { sameAddress } from "../net/address.ts";
import type { ArpFrame } from "../net/arp.ts";

/** RFC 5227 §2.4: a host that claims its address back does so once in this time, or two of them flood the link. */
const DEFEND_INTERVAL_MS = 10_000;
/** Frames of the last holder may still be under way when this node becomes master. */
const TRUCE_MS = 1500;
/** A claim that is not repeated for this long is over: a master asks for claimants every 1.5 s. */
const FORGET_AFTER_MS = 10_000;
/** VIPs under dispute that are remembered; beyond it something forges at random. */
const DISPUTES_MAX = 64;

export interface Claim {
  readonly address: Uint8Array;
  readonly mac: Uint8Array;
}

interface Dispute {
  mac: Uint8Array;
  heardAt: MonoMs;
  /** When it was last told and answered. */
  toldAt: MonoMs;
}

/** Who claims an address with this frame: its sender. Null: a probe (RFC 5227 §1.1), which claims nothing. */
export function claimOf(frame: ArpFrame): Claim | null {
  if (frame.senderAddress.every((byte) => byte === 0)) return null;
  return { address: frame.senderAddress, mac: frame.senderMac };
}

export class Disputes {
  private readonly open = new Map<string, Dispute>();

  /**
   * A claim on a VIP of an instance that has led since `leadsSince`. True: tell it and announce the VIP again; that is so
   * at the first claim, with another claimant, and then once in ten seconds.
   */
  take(claim: Claim, leadsSince: MonoMs, now: MonoMs): boolean {
    if (now - leadsSince < TRUCE_MS) return false;
    this.forget(now);
    const key = claim.address.join(".");
    const known = this.open.get(key);
    if (known !== undefined && sameAddress(known.mac, claim.mac) && now < later(known.toldAt, DEFEND_INTERVAL_MS)) {
      known.heardAt = now;
      return false;
    }
    if (known === undefined && this.open.size >= DISPUTES_MAX) return false;
    this.open.set(key, { mac: claim.mac.slice(), heardAt: now, toldAt: now });
    return true;
  }

  /** The host that claims this address at present, in words (its MAC address); null: none. */
  claimant(address: Uint8Array, now: MonoMs): string | null {
    this.forget(now);
    const dispute = this.open.get(address.join("."));
    return dispute === undefined ? null : macText(dispute.mac);
  }

  private forget(now: MonoMs): void {
    for (const [key, dispute] of this.open) if (now - dispute.heardAt > FORGET_AFTER_MS) this.open.delete(key);
  }
}

export function macText(mac: Uint8Array): string {
  return [...mac].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}
