/** One end of the socket between the supervisor and a role: ordered messages, descriptors included. */
import { assert } from "../../lib/result.ts";
import { EPOLL } from "../../sys/abi.ts";
import { E } from "../../sys/errno.ts";
import type { Loop, Watch } from "../../sys/loop.ts";
import { pinned } from "../../sys/memory.ts";
import { receiveWithDescriptors, sendWithDescriptors } from "../../sys/message.ts";
import { close, send } from "../../sys/socket.ts";
import { decodeFrame, encodeFrame } from "../frame.ts";
import { FRAME_BYTES_MAX, type MessagePayloads, type MessageType, messageTable, type Party } from "../messages.ts";

const CHUNK_BYTES = 256 * 1024;
const scratch = pinned(CHUNK_BYTES);

/** A peer that does not read this much has hung; the channel ends and the supervisor restarts the role. */
const BACKLOG_BYTES_MAX = 2 * FRAME_BYTES_MAX;

interface Outgoing {
  readonly bytes: Uint8Array;
  /** Duplicates are not made: the sender keeps the descriptors open until `sent` (it owns them anyway). */
  readonly descriptors: readonly number[];
  offset: number;
}

type Handler<T extends MessageType> = (payload: MessagePayloads[T], descriptors: readonly number[]) => void;

export class Channel {
  private readonly watch: Watch;
  private readonly handlers = new Map<MessageType, (payload: never, descriptors: readonly number[]) => void>();
  private readonly outgoing: Outgoing[] = [];
  private backlogBytes = 0;
  private receivedBytes = 0;
  private incoming: Uint8Array = new Uint8Array(0);
  private descriptors: number[] = [];
  private closeHandler: ((reason: string) => void) | null = null;
  private open = true;
  private readonly loop: Loop;
  private readonly fd: number;
  private readonly self: Party;
  private readonly peer: Party;

  /** `fd` is a non-blocking Unix stream socket and belongs to the channel from now on. */
  constructor(loop: Loop, fd: number, self: Party, peer: Party) {
    this.loop = loop;
    this.fd = fd;
    this.self = self;
    this.peer = peer;
    this.watch = loop.watch(fd, EPOLL.IN | EPOLL.RDHUP, (events) => this.onEvents(events));
  }

  on<T extends MessageType>(type: T, handler: Handler<T>): void {
    this.handlers.set(type, handler);
  }

  /** The peer is gone or broke the protocol; called once. */
  onClose(handler: (reason: string) => void): void {
    this.closeHandler = handler;
  }

  /** Queues a message; messages arrive whole and in order. Descriptors are duplicated by the kernel when sent. */
  send<T extends MessageType>(type: T, payload: MessagePayloads[T], descriptors: readonly number[] = []): void {
    if (!this.open) return;
    assert(messageTable[type].from.includes(this.self), `ipc: ${this.self} may not send ${type}`);
    const bytes = encodeFrame(type, payload, descriptors.length);
    this.outgoing.push({ bytes, descriptors, offset: 0 });
    this.backlogBytes += bytes.length;
    if (this.backlogBytes > BACKLOG_BYTES_MAX) this.end("peer does not read");
    else if (this.outgoing.length === 1) this.flush();
  }

  /** Everything that was sent has been taken by the kernel. */
  get drained(): boolean {
    return this.outgoing.length === 0;
  }

  /** Reads what a peer that has ended left behind, then closes. */
  finish(): void {
    this.closeHandler = null;
    for (let before = -1; this.open && before !== this.receivedBytes;) {
      before = this.receivedBytes;
      this.receive();
    }
    this.close();
  }

  close(): void {
    if (!this.open) return;
    this.open = false;
    this.watch.close();
    close(this.fd);
    for (const descriptor of this.descriptors) close(descriptor);
    this.descriptors = [];
  }

  private end(reason: string): void {
    if (!this.open) return;
    this.close();
    // Later: the caller of send() must not be re-entered.
    this.loop.defer(() => this.closeHandler?.(reason));
  }

  private onEvents(events: number): void {
    if (events & EPOLL.OUT) this.flush();
    if (this.open && events & (EPOLL.IN | EPOLL.RDHUP | EPOLL.HUP | EPOLL.ERR)) this.receive();
  }

  private flush(): void {
    for (let first = this.outgoing[0]; first; first = this.outgoing[0]) {
      const length = Math.min(CHUNK_BYTES, first.bytes.length - first.offset);
      scratch.bytes.set(first.bytes.subarray(first.offset, first.offset + length));
      const sent =
        first.offset === 0 && first.descriptors.length > 0
          ? sendWithDescriptors(this.fd, scratch.address, length, first.descriptors)
          : send(this.fd, scratch.address, length, 0);
      if (sent === -E.AGAIN) {
        this.watch.modify(EPOLL.IN | EPOLL.RDHUP | EPOLL.OUT);
        return;
      }
      if (sent < 0) return this.end("peer is gone");
      first.offset += sent;
      this.backlogBytes -= sent;
      if (first.offset === first.bytes.length) this.outgoing.shift();
    }
    this.watch.modify(EPOLL.IN | EPOLL.RDHUP);
  }

  private receive(): void {
    const received = receiveWithDescriptors(this.fd, scratch.address, CHUNK_BYTES, this.descriptors);
    if (received === -E.AGAIN) return;
    if (received <= 0) return this.end("peer is gone");
    this.receivedBytes += received;
    const joined = new Uint8Array(this.incoming.length + received);
    joined.set(this.incoming);
    joined.set(scratch.bytes.subarray(0, received), this.incoming.length);
    this.incoming = joined;
    this.dispatch();
  }

  private dispatch(): void {
    while (this.open) {
      const frame = decodeFrame(this.incoming, this.peer, this.self);
      if (frame.kind === "incomplete") return;
      if (frame.kind === "error") return this.end(`protocol error from ${this.peer}: ${frame.error}`);
      if (frame.descriptorCount > this.descriptors.length)
        return this.end(`protocol error from ${this.peer}: descriptors`);
      this.incoming = this.incoming.subarray(frame.bytes);
      const handler = this.handlers.get(frame.type);
      assert(handler !== undefined, `ipc: ${this.self} has no handler for ${frame.type}`);
      handler(frame.payload as never, this.descriptors.splice(0, frame.descriptorCount));
    }
  }
}
