/**
 * One generic netlink family on one socket: a request and its acknowledgement, a question and its answer.
 * Everything is synchronous: the kernel has handled a request when `sendto` returns, its answer waits in the socket.
 */
import { E, SysError } from "../../sys/errno.ts";
import { pinned } from "../../sys/memory.ts";
import { openNetlink, receiveFromKernel, sendToKernel } from "../../sys/netlink-socket.ts";
import { close } from "../../sys/socket.ts";
import { decodeError, decodeMessages, messageFlag, messageType, MessageWriter } from "../codec.ts";
import { decodeFamily, decodeGeneric, encodeGetFamily, type GenericMessage } from "../generic.ts";
import type { GenericPort, WriteRequest } from "../generic-port.ts";

/** The kernel fills dump datagrams up to 32 KiB when the reader offers that much. */
const RECEIVE_BYTES = 64 * 1024;
/** The longest request is one service or destination: a few hundred bytes. */
const SEND_BYTES = 4 * 1024;
const BUFFER_BYTES = 512 * 1024;
/** Messages of one answer: a table with more entries is refused rather than held in memory. */
const ANSWERS_MAX = 100_000;
/** Interrupted dumps (the table changed under way) are repeated this often at most. */
const DUMP_ATTEMPTS = 5;

const incoming = pinned(RECEIVE_BYTES);
const outgoing = pinned(SEND_BYTES);

export class GenericSocket implements GenericPort {
  readonly family: number;
  private readonly fd: number;
  private readonly name: string;
  private readonly writer = new MessageWriter(outgoing.bytes);
  private sequence = 1;

  /** @throws SysError: ENOENT when the kernel does not know the family. */
  constructor(familyName: string) {
    this.name = familyName;
    this.fd = openNetlink("GENERIC", 0, BUFFER_BYTES, `generic netlink ${familyName}`).fd;
    try {
      this.family = this.resolve();
    } catch (error) {
      close(this.fd);
      throw error;
    }
  }

  request(write: WriteRequest): number {
    const answer = this.exchange(write, messageFlag.request | messageFlag.ack);
    return typeof answer === "number" ? answer : 0;
  }

  ask(write: WriteRequest, how: "dump" | "one"): readonly GenericMessage[] | number {
    const flags = messageFlag.request | (how === "dump" ? messageFlag.dump : messageFlag.ack);
    for (let attempt = 1; ; attempt++) {
      const answer = this.exchange(write, flags);
      if (answer !== E.INTR || attempt === DUMP_ATTEMPTS) return answer;
    }
  }

  close(): void {
    close(this.fd);
  }

  private resolve(): number {
    const sequence = this.sequence++;
    this.writer.reset();
    encodeGetFamily(this.writer, this.name, sequence);
    this.send();
    const length = this.receive();
    const messages = decodeMessages(incoming.bytes, length);
    for (const message of messages.ok ? messages.value : []) {
      if (message.sequence !== sequence) continue;
      if (message.type === messageType.error) {
        const code = decodeError(incoming.bytes, message);
        throw new SysError("look-up of the family", code.ok && code.value !== 0 ? code.value : E.PROTO, this.subject);
      }
      const family = decodeFamily(incoming.bytes, message);
      if (!family.ok) continue;
      // The acknowledgement comes in a datagram of its own; left there it would be read as somebody's answer.
      this.receive();
      return family.value;
    }
    throw new SysError("look-up of the family", E.PROTO, this.subject);
  }

  /** Sends, and reads until the kernel says that this was all. E.INTR: the table changed while it was read. */
  private exchange(write: WriteRequest, flags: number): readonly GenericMessage[] | number {
    const sequence = this.sequence++;
    this.writer.reset();
    write(this.writer, this.family, flags, sequence);
    this.send();
    const answers: GenericMessage[] = [];
    let interrupted = false;
    for (;;) {
      const messages = decodeMessages(incoming.bytes, this.receive());
      if (!messages.ok) return E.PROTO;
      for (const message of messages.value) {
        if (message.sequence !== sequence) continue;
        if ((message.flags & messageFlag.dumpInterrupted) !== 0) interrupted = true;
        if (message.type === messageType.error || message.type === messageType.done) {
          const code = decodeError(incoming.bytes, message);
          if (!code.ok) return E.PROTO;
          if (code.value !== 0) return code.value;
          return interrupted ? E.INTR : answers;
        }
        const decoded = decodeGeneric(incoming.bytes, message);
        if (!decoded.ok) return E.PROTO;
        if (answers.length >= ANSWERS_MAX) return E.NOBUFS;
        answers.push(ownCopy(decoded.value));
      }
    }
  }

  private send(): void {
    const sent = sendToKernel(this.fd, outgoing.address, this.writer.length);
    if (sent < 0) throw new SysError("send", -sent, this.subject);
  }

  private receive(): number {
    for (;;) {
      const length = receiveFromKernel(this.fd, incoming.address, RECEIVE_BYTES);
      if (length === -E.INTR) continue;
      if (length < 0) throw new SysError("recv", -length, this.subject);
      if (length > RECEIVE_BYTES) throw new SysError("recv", E.MSGSIZE, this.subject);
      return length;
    }
  }

  private get subject(): string {
    return `generic netlink ${this.name}`;
  }
}

function ownCopy(message: GenericMessage): GenericMessage {
  const attributes = new Map([...message.attributes].map(([type, value]) => [type, value.slice()] as const));
  return { command: message.command, attributes };
}
