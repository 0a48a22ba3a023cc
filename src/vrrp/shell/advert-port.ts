/** What instances need of the raw socket of their interface, whatever its family; and what both kinds share. */
import type { Advert, Ends } from "../wire.ts";

/** RFC 9568 §5.1.1.3, §5.1.2.3. */
export const ADVERT_TTL = 255;
/** The precedence "internetwork control" that routers give to such traffic. */
export const ADVERT_TOS = 0xc0;
/** A stall of seconds must not lose the adverts of a few dozen instances. */
export const RECEIVE_BUFFER_BYTES = 256 * 1024;
/** Packets taken at once; a flood leaves the rest for the next turn, so that timers and the kernel get theirs. */
export const PACKETS_PER_DRAIN = 1024;

export interface AdvertPort {
  /** The interface may come back under the same name with another index: the socket is of this one. */
  readonly interfaceIndex: number;
  /** Hands every packet that waits to the handler. Called before timers fire: what has arrived comes first. */
  drain(): void;
  /** Sends the advert; bytes or -errno. */
  send(advert: Advert, ends: Ends): number;
  close(): void;
}
