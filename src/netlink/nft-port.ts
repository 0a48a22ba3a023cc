/** What others may ask of nf_tables: the shell behind it is `shell/nft-socket.ts`, tests have their own. */
import type { NftMessage } from "./codec-nft.ts";

/** The first thing that the kernel refused. */
export interface NftRefusal {
  /** Null: the transaction as a whole. */
  readonly message: NftMessage | null;
  readonly errno: number;
  /** In words, complete. */
  readonly text: string;
}

export interface NftPort {
  /** Number of the socket: no other in this network namespace has it. */
  readonly port: number;
  /** One transaction: all of it or nothing. Null: done. */
  commit(messages: readonly NftMessage[]): NftRefusal | null;
  /** Tables that this socket owns vanish. */
  close(): void;
}
