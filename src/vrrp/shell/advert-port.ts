/** What instances need of the raw socket of their interface, whatever its family; and what both kinds share. */
import type { Seal } from "../packet.ts";
import type { Advert, Ends } from "../wire.ts";

/** A stall of seconds must not lose the adverts of a few dozen instances. */
export const RECEIVE_BUFFER_BYTES = 256 * 1024;
/** Packets taken at once; a flood leaves the rest for the next turn, so that timers and the kernel get theirs. */
export const PACKETS_PER_DRAIN = 1024;

export interface AdvertPort {
  /** The interface may come back under the same name with another index: the socket is of this one. */
  readonly interfaceIndex: number;
  /** Hands every packet that waits to the handler. Called before timers fire: what has arrived comes first. */
  drain(): void;
  /** Sends the advert, with an authentication header if there is a seal (IPv4 only); bytes or -errno. */
  send(advert: Advert, ends: Ends, seal: Seal | null): number;
  close(): void;
}

/** An IP packet at bytes[0, length), from its header on. */
export type PacketHandler = (bytes: Uint8Array, length: number) => void;

/** What an advert socket is for. */
export interface AdvertSocketOptions {
  readonly interfaceName: string;
  readonly interfaceIndex: number;
  /** Empty: it is only spoken with. */
  readonly groups: readonly Uint8Array[];
  /** The interface has an address that other nodes have, too: nothing may be sent from it but adverts. */
  readonly quiet: boolean;
  readonly reports: AdvertPortReports;
}

/** What a socket tells besides the packets that it is there for. */
export interface AdvertPortReports {
  /** The kernel dropped so many packets, because they came faster than they were read. */
  lost(count: number): void;
  /** IPv4: an advert with an authentication header where there should be none, or the other way round. */
  mismatched: PacketHandler;
}
