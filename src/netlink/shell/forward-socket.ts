/**
 * Watches for the removal of routes and rules with our mark. A socket of its own: on a router whole tables come and go,
 * and links and addresses must not wait behind them.
 */
import { EPOLL } from "../../sys/abi.ts";
import { E, SysError } from "../../sys/errno.ts";
import type { Loop, Watch } from "../../sys/loop.ts";
import { pinned } from "../../sys/memory.ts";
import { openNetlink, receiveFromKernel } from "../../sys/netlink-socket.ts";
import { close } from "../../sys/socket.ts";
import { decodeMessages } from "../codec.ts";
import { forwardGroups, isOurForwardingGone } from "../codec-forward.ts";

/** A notification is a few hundred bytes; one that does not fit counts as a removal of ours. */
const RECEIVE_BYTES = 8192;
/** An overrun costs one look at our own routes, so there is no need to hold a table. */
const BUFFER_BYTES = 128 * 1024;
/** Notifications taken at once; in a flood the rest waits for the next turn. */
const MESSAGES_PER_DRAIN = 256;
const SUBJECT = "netlink routes";

export class ForwardSocket {
  private readonly fd: number;
  private readonly watch: Watch;
  private readonly ownPort: number;
  private readonly onGone: () => void;
  private readonly incoming = pinned(RECEIVE_BYTES);

  /**
   * `ownPort`: netlink port of who sets and removes our routes; what it does is not told. `onGone`: one of ours was
   * removed by somebody else, or may have been. @throws SysError
   */
  constructor(loop: Loop, ownPort: number, onGone: () => void) {
    this.ownPort = ownPort;
    this.onGone = onGone;
    this.fd = openNetlink("ROUTE", forwardGroups, BUFFER_BYTES, SUBJECT).fd;
    this.watch = loop.watch(this.fd, EPOLL.IN, () => this.drain());
  }

  close(): void {
    this.watch.close();
    close(this.fd);
  }

  private drain(): void {
    let gone = false;
    for (let count = 0; count < MESSAGES_PER_DRAIN; count++) {
      const length = receiveFromKernel(this.fd, this.incoming.address, RECEIVE_BYTES);
      if (length === -E.AGAIN || length === -E.INTR) break;
      if (length < 0 && length !== -E.NOBUFS) throw new SysError("recv", -length, SUBJECT);
      gone ||= length < 0 || length > RECEIVE_BYTES || this.tellsOfOurs(length);
    }
    if (gone) this.onGone();
  }

  private tellsOfOurs(length: number): boolean {
    const { bytes } = this.incoming;
    const messages = decodeMessages(bytes, length);
    return (
      !messages.ok ||
      messages.value.some((message) => message.port !== this.ownPort && isOurForwardingGone(bytes, message))
    );
  }
}
