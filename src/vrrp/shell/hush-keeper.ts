/**
 * Keeps the rules of `hush-rules.ts`. Where the kernel cannot have them (no nf_tables, or before Linux 5.12) a takeover of
 * IPv6 addresses may cost up to an advert interval more on a switch: that is said once and is no fault.
 */
import type { NftPort } from "../../netlink/nft-port.ts";
import { HUSHED_MAX, hushMessages, hushTable } from "../hush-rules.ts";

export class HushKeeper {
  private readonly openPort: () => NftPort | string;
  private readonly warn: (text: string) => void;
  private port: NftPort | null = null;
  private hushed: readonly string[] = [];

  constructor(openPort: () => NftPort | string, warn: (text: string) => void) {
    this.openPort = openPort;
    this.warn = warn;
  }

  /** For exactly these interfaces, whether they exist or not. */
  keep(interfaceNames: readonly string[]): void {
    if (interfaceNames.join() === this.hushed.join()) return;
    this.hushed = interfaceNames;
    const before = this.port;
    this.port = null;
    const refusal = interfaceNames.length === 0 ? null : this.make(interfaceNames);
    // The old table goes with its socket, after the new one is there.
    before?.close();
    if (refusal !== null)
      this.warn(`membership reports of ${interfaceNames.join(", ")} cannot be held back: ${refusal}`);
  }

  /** Null: the table is there. */
  private make(interfaceNames: readonly string[]): string | null {
    if (interfaceNames.length > HUSHED_MAX) return `there are more than ${HUSHED_MAX}`;
    const port = this.openPort();
    if (typeof port === "string") return port;
    const refusal = port.commit(hushMessages(hushTable(port.port), interfaceNames));
    if (refusal === null) this.port = port;
    else port.close();
    return refusal?.text ?? null;
  }
}
