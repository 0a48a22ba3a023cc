/** What others may ask of a generic netlink family: the shell behind it is `shell/generic-socket.ts`, tests have their own. */
import type { MessageWriter } from "./codec.ts";
import type { GenericMessage } from "./generic.ts";

/** Writes one whole message of the family with these header flags and this sequence number. */
export type WriteRequest = (writer: MessageWriter, family: number, flags: number, sequence: number) => void;

export interface GenericPort {
  /** Does one thing; 0, or the positive errno with which the kernel refused. */
  request(write: WriteRequest): number;
  /** Every message of the answer; the positive errno when the kernel refused. Attributes are copies. */
  ask(write: WriteRequest, how: "dump" | "one"): readonly GenericMessage[] | number;
}
