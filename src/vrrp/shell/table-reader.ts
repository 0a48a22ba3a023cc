/**
 * Reads routing tables from the kernel, in slices between which the loop does its other work: a table of a million
 * routes is 70 MB of messages. Each reading has a socket of its own: closing it is how a dump is given up.
 */
import { monoNow } from "../../sys/clock.ts";
import { E, SysError } from "../../sys/errno.ts";
import type { Loop, LoopTimer } from "../../sys/loop.ts";
import { pinned } from "../../sys/memory.ts";
import { openNetlink, receiveFromKernel, sendToKernel } from "../../sys/netlink-socket.ts";
import { close, setOption } from "../../sys/socket.ts";
import { decodeMessages, messageType, MessageWriter } from "../../netlink/codec.ts";
import { decodeTable, encodeTableDump, type IsFollowed, type TableRoute } from "../../netlink/codec-route-table.ts";
import type { FollowedTable } from "../route-track.ts";

/** The kernel fills dump datagrams up to 32 KiB when the reader offers that much: some 500 routes. */
const RECEIVE_BYTES = 32 * 1024;
/** A dump waits in the kernel for its reader; one datagram at a time has to fit. */
const BUFFER_BYTES = 256 * 1024;
/** Taken at once: about a millisecond. */
const DATAGRAMS_PER_SLICE = 4;
/** linux/netlink.h: SOL_NETLINK, NETLINK_GET_STRICT_CHK. */
const STRICT = { level: 270, option: 12 } as const;
/** Routes that one reading may keep: whoever asked wants a few networks. */
const ROUTES_MAX = 4096;
const SUBJECT = "netlink routing tables";

export interface TableReaderPorts {
  readonly loop: Loop;
  /** Routes to other networks are passed over. */
  readonly isFollowed: IsFollowed;
  /** Whether the route is one of those that were asked for. */
  has(route: TableRoute): boolean;
  /** Every table was read, in `tookMs`. */
  done(routes: readonly TableRoute[], tookMs: number): void;
  /** The kernel refused; nothing of what was read counts. */
  failed(text: string): void;
}

export class TableReader {
  private readonly ports: TableReaderPorts;
  private readonly answers = pinned(RECEIVE_BYTES);
  private readonly request = pinned(64);
  private readonly writer = new MessageWriter(this.request.bytes);
  /** Null: no reading is under way. */
  private fd: number | null = null;
  private tables: readonly FollowedTable[] = [];
  private routes: TableRoute[] = [];
  private beganAt = monoNow();
  private timer: LoopTimer | null = null;
  private sequence = 1;

  constructor(ports: TableReaderPorts) {
    this.ports = ports;
  }

  get isReading(): boolean {
    return this.fd !== null;
  }

  /** Gives up what is under way and reads these, of which there is at least one; small ones before it returns. */
  begin(tables: readonly FollowedTable[]): void {
    this.cancel();
    this.tables = tables;
    this.routes = [];
    this.beganAt = monoNow();
    this.attempt(() => {
      this.fd = openNetlink("ROUTE", 0, BUFFER_BYTES, SUBJECT).fd;
      // A kernel without it (before 4.20) tells of all tables; `has` knows which ones are meant.
      setOption(this.fd, STRICT.level, STRICT.option, 1);
      this.ask(this.fd);
      this.slice();
    });
  }

  cancel(): void {
    this.timer?.cancel();
    this.timer = null;
    if (this.fd !== null) close(this.fd);
    this.fd = null;
  }

  private attempt(run: () => void): void {
    try {
      run();
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      this.cancel();
      this.ports.failed(error.message);
    }
  }

  /** Asks for the first of the tables that are left. */
  private ask(fd: number): void {
    const [{ family, table }] = this.tables;
    this.writer.reset();
    encodeTableDump(this.writer, family, table, this.sequence++);
    const sent = sendToKernel(fd, this.request.address, this.writer.length);
    if (sent < 0) throw new SysError("send", -sent, SUBJECT);
  }

  private slice(): void {
    const { fd } = this;
    if (fd === null) return;
    for (let count = 0; count < DATAGRAMS_PER_SLICE; count++) {
      if (!this.take(fd)) continue;
      this.tables = this.tables.slice(1);
      if (this.tables.length === 0) {
        const tookMs = monoNow() - this.beganAt;
        this.cancel();
        return this.ports.done(this.routes, tookMs);
      }
      this.ask(fd);
    }
    this.timer = this.ports.loop.after(0, () => this.attempt(() => this.slice()));
  }

  /** One datagram of a dump. True: it was the last of its table. */
  private take(fd: number): boolean {
    const { bytes, view, address } = this.answers;
    const length = receiveFromKernel(fd, address, RECEIVE_BYTES);
    if (length < 0) throw new SysError("recv", -length, SUBJECT);
    const messages = decodeMessages(bytes, Math.min(length, RECEIVE_BYTES));
    if (!messages.ok) throw new SysError("dump", E.PROTO, SUBJECT);
    for (const message of messages.value) {
      // Both carry a code: 0, or what went wrong as a negative number.
      if (message.type === messageType.done || message.type === messageType.error) {
        const hasCode = message.payloadEnd - message.payloadStart >= 4;
        const errno = hasCode ? -view.getInt32(message.payloadStart, true) : 0;
        // No such table: it comes into being with its first route.
        if (errno > 0 && errno !== E.NOENT) throw new SysError("dump", errno, SUBJECT);
        return true;
      }
      const fact = decodeTable(bytes, message, this.ports.isFollowed);
      const isMeant = fact.ok && fact.value.kind === "route" && this.ports.has(fact.value.route);
      if (isMeant && this.routes.length < ROUTES_MAX) this.routes.push(fact.value.route);
    }
    return false;
  }
}
