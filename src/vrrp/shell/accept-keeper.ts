/**
 * Keeps the nf_tables rules of instances with accept = false. The order is the caller's: rules are in force before a VIP
 * is set and leave after it is removed. Without such an instance there is no socket and no table.
 */
import type { NftMessage } from "../../netlink/codec-nft.ts";
import type { NftPort, NftRefusal } from "../../netlink/nft-port.ts";
import { E } from "../../sys/errno.ts";
import { kernelIsAtLeast } from "../../sys/kernel.ts";
import {
  changeMessages,
  type Element,
  elementOf,
  LASTING_TABLE,
  ownedTable,
  REFUSED_MAX,
  type RefusedVip,
  removalMessages,
  tableMessages,
} from "../accept-rules.ts";

/** Tables with an owner came with Linux 5.12; before, that of a killed speaker stays. */
const KERNEL_KEEPS_OWNER = kernelIsAtLeast(5, 12);

interface Table {
  readonly port: NftPort;
  readonly name: string;
  /** It goes with this process. False (before Linux 5.12): it stays until somebody removes it, which may be anybody. */
  readonly owned: boolean;
}

export class AcceptKeeper {
  private readonly openPort: () => NftPort | string;
  private table: Table | null = null;
  private readonly claims = new Map<string, readonly RefusedVip[]>();
  private inForce: ReadonlyMap<string, Element> = new Map();
  private sweepIsDue: boolean;

  /** `openPort`: a socket for transactions, or in words why there is none. `sweeps`: a predecessor may have left a table. */
  constructor(openPort: () => NftPort | string, sweeps = !KERNEL_KEEPS_OWNER) {
    this.openPort = openPort;
    this.sweepIsDue = sweeps;
  }

  /**
   * Makes the table, or takes it away when no instance wants one. Done before an instance may lead, so that a kernel
   * that cannot drop packets is found out by a backup. Null: it is there; otherwise why not, in words.
   */
  prepare(wanted: boolean): string | null {
    // A new table replaces the one that was left.
    if (!wanted && this.sweepIsDue) this.removeLeftovers();
    this.sweepIsDue = false;
    if (wanted) return this.open();
    this.close();
    return null;
  }

  /**
   * From now on packets to these VIPs are dropped for `owner` (an instance's identity), and no longer to those that it
   * named before; an empty list releases all. Idempotent. Null: in force; otherwise why not, in words: what was asked
   * for in vain is forgotten, what could not be released is tried again with the next change.
   */
  refuse(owner: string, vips: readonly RefusedVip[]): string | null {
    const before = this.claims.get(owner) ?? [];
    if (vips.length === 0 && before.length === 0) return null;
    this.claim(owner, vips);
    const refusal = this.open() ?? this.apply();
    if (refusal !== null && vips.length > 0) this.claim(owner, before);
    return refusal;
  }

  /**
   * Puts back a table that somebody flushed; where the kernel keeps it for its owner that cannot happen, and nothing is
   * done. Answers what could not be put back.
   */
  restore(): string | null {
    if (this.table === null || this.table.owned || this.inForce.size === 0) return null;
    const { name, port } = this.table;
    // Adding what is there changes nothing; it is refused if the table is not.
    if (port.commit(changeMessages(name, new Map(), this.inForce)) === null) return null;
    return this.rebuild();
  }

  /** Everything away; after the last VIP. */
  close(): void {
    if (this.table === null) return;
    if (!this.table.owned) this.table.port.commit(removalMessages(this.table.name));
    this.table.port.close();
    this.table = null;
    this.claims.clear();
    this.inForce = new Map();
  }

  private removeLeftovers(): void {
    const port = this.openPort();
    if (typeof port === "string") return;
    // Refused: there is no nf_tables, and nothing of it either.
    port.commit(removalMessages(LASTING_TABLE));
    port.close();
  }

  private claim(owner: string, vips: readonly RefusedVip[]): void {
    if (vips.length === 0) this.claims.delete(owner);
    else this.claims.set(owner, vips);
  }

  /** Makes the table unless it is there. */
  private open(): string | null {
    if (this.table !== null) return null;
    const port = this.openPort();
    if (typeof port === "string") return port;
    const owned: Table = { port, name: ownedTable(port.port), owned: true };
    const lasting: Table = { port, name: LASTING_TABLE, owned: false };
    let table = owned;
    let refusal = port.commit(tableMessages(owned.name, true));
    if (refusal !== null && isOwnerUnknown(refusal)) {
      table = lasting;
      refusal = port.commit(tableMessages(lasting.name, false));
    }
    if (refusal === null) {
      this.table = table;
      return null;
    }
    port.close();
    return refusal.text;
  }

  private apply(): string | null {
    const table = this.table;
    if (table === null) return null;
    const wanted = new Map<string, Element>();
    for (const vip of [...this.claims.values()].flat()) {
      const { text, element } = elementOf(vip);
      wanted.set(text, element);
    }
    if (wanted.size > REFUSED_MAX) return `accept = false is for ${REFUSED_MAX} addresses at most, not ${wanted.size}`;
    const messages = changeMessages(table.name, this.inForce, wanted);
    if (messages.length === 0) return null;
    const refusal = table.port.commit(messages);
    if (refusal === null) {
      this.inForce = wanted;
      return null;
    }
    if (table.owned || refusal.errno !== E.NOENT) return refusal.text;
    return this.rebuild(wanted);
  }

  /** Table and VIPs in one transaction: there is no moment without them. */
  private rebuild(wanted: ReadonlyMap<string, Element> = this.inForce): string | null {
    if (this.table === null) return null;
    const { port, name, owned } = this.table;
    const messages: readonly NftMessage[] = [...tableMessages(name, owned), ...changeMessages(name, new Map(), wanted)];
    const refusal = port.commit(messages);
    if (refusal !== null) return refusal.text;
    this.inForce = wanted;
    return null;
  }
}

/** A table flag that the kernel does not know: EINVAL before Linux 5.12, EOPNOTSUPP since. */
function isOwnerUnknown({ message, errno }: NftRefusal): boolean {
  return message?.kind === "add_table" && (errno === E.INVAL || errno === E.OPNOTSUPP);
}
