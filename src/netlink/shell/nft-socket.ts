/**
 * nf_tables transactions on one NETLINK_NETFILTER socket. Everything is synchronous: the kernel has handled a batch when
 * `sendto` returns, and its answers wait in the socket.
 */
import { E, errnoText, SysError } from "../../sys/errno.ts";
import { pinned } from "../../sys/memory.ts";
import { openNetlink, receiveFromKernel, sendToKernel } from "../../sys/netlink-socket.ts";
import { close } from "../../sys/socket.ts";
import { MessageWriter } from "../codec.ts";
import { decodeAnswers, encodeBatch, type NftMessage } from "../codec-nft.ts";
import type { NftPort, NftRefusal } from "../nft-port.ts";

/** The rules of one table and a thousand elements of 48 bytes. Pages that nobody writes to cost nothing. */
export const BATCH_BYTES_MAX = 64 * 1024;
/** A refusal comes with a copy of the message that caused it. */
const RECEIVE_BYTES = 16 * 1024;
const BUFFER_BYTES = 128 * 1024;
const SUBJECT = "nf_tables";

const incoming = pinned(RECEIVE_BYTES);
const outgoing = pinned(BATCH_BYTES_MAX);

/** A socket for transactions; without one the reason in words. */
export function openNft(): NftPort | string {
  try {
    return new NftSocket();
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    const isMissing = error.errno === E.PROTONOSUPPORT || error.errno === E.AFNOSUPPORT;
    return isMissing ? NO_NFTABLES : error.message;
  }
}

const NO_NFTABLES = "this kernel has no nf_tables, or cannot load the module of that name";

export class NftSocket implements NftPort {
  readonly port: number;
  private readonly fd: number;
  private readonly writer = new MessageWriter(outgoing.bytes);
  private sequence = 1;

  /** @throws SysError: EPROTONOSUPPORT when the kernel has no netfilter over netlink. */
  constructor() {
    const { fd, port } = openNetlink("NETFILTER", 0, BUFFER_BYTES, SUBJECT);
    this.fd = fd;
    this.port = port;
  }

  commit(messages: readonly NftMessage[]): NftRefusal | null {
    const first = this.sequence;
    this.sequence += messages.length + 2;
    this.writer.reset();
    encodeBatch(this.writer, messages, first);
    const sent = sendToKernel(this.fd, outgoing.address, this.writer.length);
    if (sent < 0) return refusal(null, -sent);
    return this.answers(messages, first);
  }

  close(): void {
    close(this.fd);
  }

  /** Reads all that the kernel has to say. It acknowledges the last message when all is done. */
  private answers(messages: readonly NftMessage[], first: number): NftRefusal | null {
    let refused: NftRefusal | null = null;
    let isDone = false;
    for (;;) {
      const length = receiveFromKernel(this.fd, incoming.address, RECEIVE_BYTES);
      if (length === -E.INTR) continue;
      if (length === -E.AGAIN) break;
      if (length < 0) return refusal(null, -length);
      for (const { sequence, errno } of decodeAnswers(incoming.bytes, length) ?? []) {
        if (errno === 0) isDone ||= sequence === first + messages.length;
        else refused ??= refusal(messages[sequence - first - 1] ?? null, errno);
      }
    }
    return refused ?? (isDone ? null : refusal(null, E.PROTO));
  }
}

function refusal(message: NftMessage | null, errno: number): NftRefusal {
  return { message, errno, text: refusalText(message, errno) };
}

function refusalText(message: NftMessage | null, errno: number): string {
  if (errno === E.PERM) return `nf_tables: ${errnoText(errno)}; CAP_NET_ADMIN is needed`;
  // The subsystem is looked up before anything in the batch.
  if (message === null && (errno === E.OPNOTSUPP || errno === E.INVAL)) return NO_NFTABLES;
  if (message === null) return `nf_tables: transaction refused: ${errnoText(errno)}`;
  if (message.kind === "add_table" && errno === E.AFNOSUPPORT) {
    return "this kernel's nf_tables has no tables for both address families (family inet)";
  }
  return `nf_tables: ${whatText(message)} refused: ${errnoText(errno)}`;
}

function whatText(message: NftMessage): string {
  switch (message.kind) {
    case "add_table":
    case "delete_table":
      return `table ${message.table}`;
    case "add_chain":
      return `chain ${message.chain}`;
    case "add_set":
      return `set ${message.set}`;
    case "add_rule":
      return `rule in chain ${message.chain}`;
    case "add_elements":
    case "delete_elements":
      return `elements of set ${message.set}`;
  }
}
