/**
 * The node's links and addresses over rtnetlink: a picture that stays current, and changes to addresses.
 *
 * Two sockets: one watches (notifications), one asks (dumps, additions, removals). A notification carries the port id of
 * whoever caused it, so our own changes are told from those of others.
 */
import { EPOLL } from "../../sys/abi.ts";
import { E, errnoText, SysError } from "../../sys/errno.ts";
import type { Loop, Watch } from "../../sys/loop.ts";
import { pinned } from "../../sys/memory.ts";
import { openNetlink, receiveFromKernel, sendToKernel } from "../../sys/netlink-socket.ts";
import { close } from "../../sys/socket.ts";
import { decodeError, decodeMessages, type Message, messageFlag, messageType, MessageWriter } from "../codec.ts";
import {
  type AddressFact,
  type AddressRequest,
  decodeRoute,
  encodeAddress,
  encodeDeleteLink,
  encodeDump,
  encodeLinkUp,
  encodeNewMacvlan,
  encodeNewVeth,
  type RouteFact,
  routeGroup,
} from "../codec-route.ts";
import { type NodeChange, NodeView } from "../node-view.ts";
import { encodeRoute, encodeRule } from "../codec-forward.ts";
import { ForwardSocket } from "./forward-socket.ts";
import type { AddressResult, ForwardRequest, LinkOrder, RoutePort } from "../route-port.ts";

/** The kernel fills dump datagrams up to 32 KiB when the reader offers that much. */
const RECEIVE_BYTES = 64 * 1024;
const SEND_BYTES = 16 * 1024;
/** Requests a datagram: their acknowledgements have to fit into the receive buffer at once. */
const BATCH_MAX = 64;
/** Room for bursts of notifications of a node with thousands of addresses; an overrun is repaired by a dump. */
const WATCH_BUFFER_BYTES = 1024 * 1024;
const ASK_BUFFER_BYTES = 512 * 1024;
/** Interrupted dumps (the table changed under way) are repeated this often at most. */
const DUMP_ATTEMPTS = 5;
const SUBJECT = "netlink";

export class RouteSocket implements RoutePort {
  readonly view = new NodeView();
  private readonly onChange: (change: NodeChange) => void;
  private readonly watcher = openNetlink(
    "ROUTE",
    routeGroup.link | routeGroup.ipv4Address | routeGroup.ipv6Address,
    WATCH_BUFFER_BYTES,
    SUBJECT,
  );
  private readonly asker = openNetlink("ROUTE", 0, ASK_BUFFER_BYTES, SUBJECT);
  private readonly incoming = pinned(RECEIVE_BYTES);
  private readonly answers = pinned(RECEIVE_BYTES);
  private readonly outgoing = pinned(SEND_BYTES);
  private readonly writer = new MessageWriter(this.outgoing.bytes);
  private readonly loop: Loop;
  private readonly watch: Watch;
  private forwardWatch: ForwardSocket | null = null;
  private sequence = 1;
  /** IPv6 notifications do not carry the port id of whoever caused them: removals of ours that are still to be told. */
  private readonly ownRemovals = new Map<string, number>();

  /** Dumps links and addresses before it returns. @throws SysError without netlink. */
  constructor(loop: Loop, onChange: (change: NodeChange) => void) {
    this.loop = loop;
    this.onChange = onChange;
    this.dump();
    this.watch = loop.watch(this.watcher.fd, EPOLL.IN, () => this.drain());
  }

  /** Sets (idempotent) or removes addresses; results in the order of the requests. */
  change(operation: "add" | "remove", requests: readonly AddressRequest[]): readonly AddressResult[] {
    const results: AddressResult[] = [];
    for (let at = 0; at < requests.length; at += BATCH_MAX) {
      results.push(...this.changeBatch(operation, requests.slice(at, at + BATCH_MAX)));
    }
    return results;
  }

  changeForwarding(operation: "add" | "remove", requests: readonly ForwardRequest[]): readonly number[] {
    const errnos: number[] = [];
    for (let at = 0; at < requests.length; at += BATCH_MAX) {
      const batch = requests.slice(at, at + BATCH_MAX);
      const first = this.sequence;
      this.writer.reset();
      for (const request of batch) {
        if (request.what === "route") encodeRoute(this.writer, operation, request.route, this.sequence++);
        else encodeRule(this.writer, operation, request.rule, this.sequence++);
      }
      errnos.push(...this.ask(first, batch.length));
    }
    return errnos;
  }

  watchForwarding(wanted: boolean): void {
    if (wanted === (this.forwardWatch !== null)) return;
    this.forwardWatch?.close();
    const tell = (): void => this.onChange({ kind: "forwarding_gone" });
    this.forwardWatch = wanted ? new ForwardSocket(this.loop, this.asker.port, tell) : null;
  }

  changeLink(order: LinkOrder): number {
    const sequence = this.sequence++;
    this.writer.reset();
    if (order.kind === "add_macvlan") encodeNewMacvlan(this.writer, order.macvlan, sequence);
    else if (order.kind === "add_veth") encodeNewVeth(this.writer, order.name, order.peer, sequence);
    else if (order.kind === "up") encodeLinkUp(this.writer, order.index, order.alias, sequence);
    else encodeDeleteLink(this.writer, order.index, sequence);
    return this.ask(sequence, 1)[0];
  }

  /** Takes in every notification that waits. Callers that must decide on fresh facts call it first. */
  drain(): void {
    for (;;) {
      const length = receiveFromKernel(this.watcher.fd, this.incoming.address, RECEIVE_BYTES);
      if (length === -E.AGAIN || length === -E.INTR) return;
      if (length === -E.NOBUFS || length > RECEIVE_BYTES) {
        // Notifications were lost: nothing that we believe can be trusted, so look again.
        this.dump();
        return;
      }
      if (length < 0) throw new SysError("recv", -length, SUBJECT);
      this.takeIn(length);
    }
  }

  close(): void {
    this.watchForwarding(false);
    this.watch.close();
    close(this.watcher.fd);
    close(this.asker.fd);
  }

  private changeBatch(operation: "add" | "remove", requests: readonly AddressRequest[]): readonly AddressResult[] {
    const first = this.sequence;
    this.writer.reset();
    for (const request of requests) encodeAddress(this.writer, operation, request, this.sequence++);
    const errnos = this.ask(first, requests.length);
    if (operation === "remove") this.expectRemovals(requests.filter((_, i) => errnos[i] === 0));
    return requests.map((request, i) => ({
      request,
      errno: errnos[i],
      text: errnos[i] === 0 ? "" : errnoText(errnos[i]),
    }));
  }

  /** Sends what is written: `count` requests from sequence number `first` on. Answers the errno of each; 0: done. */
  private ask(first: number, count: number): readonly number[] {
    const sent = sendToKernel(this.asker.fd, this.outgoing.address, this.writer.length);
    const errnos: number[] = Array.from({ length: count }, () => (sent < 0 ? -sent : E.PROTO));
    for (let open = sent < 0 ? 0 : count; open > 0;) {
      const length = receiveFromKernel(this.asker.fd, this.answers.address, RECEIVE_BYTES);
      if (length <= 0) break;
      const messages = decodeMessages(this.answers.bytes, Math.min(length, RECEIVE_BYTES));
      if (!messages.ok) break;
      for (const message of messages.value) {
        const at = message.sequence - first;
        if (message.type !== messageType.error || at < 0 || at >= count) continue;
        const code = decodeError(this.answers.bytes, message);
        errnos[at] = code.ok ? code.value : E.PROTO;
        open--;
      }
    }
    return errnos;
  }

  private expectRemovals(requests: readonly AddressRequest[]): void {
    for (const request of requests) {
      if (request.family !== 6) continue;
      const key = removalKey(request);
      this.ownRemovals.set(key, (this.ownRemovals.get(key) ?? 0) + 1);
    }
  }

  /** Whether this process caused what the message tells. */
  private isOwn(message: Message, fact: RouteFact): boolean {
    if (message.port === this.asker.port) return true;
    if (fact.kind !== "address_gone" || fact.address.family !== 6) return false;
    const key = removalKey(fact.address);
    const open = this.ownRemovals.get(key) ?? 0;
    if (open > 1) this.ownRemovals.set(key, open - 1);
    else this.ownRemovals.delete(key);
    return open > 0;
  }

  /** Reads everything anew. Differences to what was known are reported as changes. */
  private dump(): void {
    for (let attempt = 1; attempt <= DUMP_ATTEMPTS; attempt++) {
      const fresh = new NodeView();
      const whole = this.dumpOne("links", fresh) && this.dumpOne("addresses", fresh);
      if (!whole && attempt < DUMP_ATTEMPTS) continue;
      this.ownRemovals.clear();
      for (const change of this.view.replaceWith(fresh)) this.onChange(change);
      return;
    }
  }

  /** False when the kernel says that the table changed while it was read (NLM_F_DUMP_INTR). */
  private dumpOne(what: "links" | "addresses", into: NodeView): boolean {
    this.writer.reset();
    encodeDump(this.writer, what, this.sequence++);
    const sent = sendToKernel(this.asker.fd, this.outgoing.address, this.writer.length);
    if (sent < 0) throw new SysError("send", -sent, SUBJECT);
    let whole = true;
    for (;;) {
      const length = receiveFromKernel(this.asker.fd, this.answers.address, RECEIVE_BYTES);
      if (length < 0) throw new SysError(`dump of ${what}`, -length, SUBJECT);
      const messages = decodeMessages(this.answers.bytes, Math.min(length, RECEIVE_BYTES));
      if (!messages.ok) return false;
      for (const message of messages.value) {
        if ((message.flags & messageFlag.dumpInterrupted) !== 0) whole = false;
        if (message.type === messageType.done) return whole;
        const fact = decodeRoute(this.answers.bytes, message);
        if (fact.ok) into.apply(fact.value, false);
      }
    }
  }

  /** One datagram of notifications. The changes are told after all of it is read: whoever hears one may call back. */
  private takeIn(length: number): void {
    const messages = decodeMessages(this.incoming.bytes, length);
    if (!messages.ok) return this.dump();
    const changes: NodeChange[] = [];
    for (const message of messages.value) {
      const fact = decodeRoute(this.incoming.bytes, message);
      const change = fact.ok ? this.view.apply(fact.value, this.isOwn(message, fact.value)) : null;
      if (change !== null) changes.push(change);
    }
    for (const change of changes) this.onChange(change);
  }
}

function removalKey(address: AddressRequest | AddressFact): string {
  return `${address.linkIndex} ${address.address.join(".")}/${address.prefixLength}`;
}
