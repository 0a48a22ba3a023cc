/**
 * Follows networks in the kernel's routing tables, with sockets of its own: on a router whole tables come and go, and
 * adverts must not wait behind them.
 *
 * What it costs: a table is read at the start, and again after something happened to a network that is followed, to a
 * link, source address or nexthop object of its routes, or after notifications were lost; never because of other
 * routes. A reading goes in slices between which the loop does its other work, one reading at a time, and a long one is
 * followed by a pause of four times its length. Of routes to other networks only the header is looked at.
 */
import type { TrackConfig } from "../../config/types-vrrp.ts";
import { later, type MonoMs, NEVER } from "../../lib/time.ts";
import { decodeMessages, messageType, MessageWriter } from "../../netlink/codec.ts";
import { decodeRoute, routeGroup } from "../../netlink/codec-route.ts";
import { decodeTable, encodeTableDump, routeTableGroups, type TableRoute } from "../../netlink/codec-route-table.ts";
import { addressBytes } from "../../net/address.ts";
import { EPOLL } from "../../sys/abi.ts";
import { monoNow } from "../../sys/clock.ts";
import { E, errnoText, SysError } from "../../sys/errno.ts";
import type { LoopTimer, Watch } from "../../sys/loop.ts";
import { pinned } from "../../sys/memory.ts";
import { openNetlink, receiveFromKernel, sendToKernel } from "../../sys/netlink-socket.ts";
import { close, setOption } from "../../sys/socket.ts";
import { type FollowedNetwork, type FollowedTable, networkKey, RouteBook, type RouteVerdict } from "../route-track.ts";
import { trackName } from "../track.ts";
import type { WatchPorts } from "./watch-ports.ts";

export type RouteTrack = Extract<TrackConfig, { kind: "route" }>;

/** The kernel fills dump datagrams up to 32 KiB when the reader offers that much: some 500 routes. */
const RECEIVE_BYTES = 32 * 1024;
/** An overrun costs one reading: there is no need to hold a table. */
const BUFFER_BYTES = 256 * 1024;
/** Notifications taken at once; in a flood the rest waits for the next turn. */
const MESSAGES_PER_DRAIN = 256;
/** Datagrams of a reading taken at once: about a millisecond. */
const DATAGRAMS_PER_SLICE = 4;
/**
 * The kernel tells of a link, an address or a route before it has done what follows from it: who reads at once reads
 * the past. Hints count meanwhile.
 */
const SETTLE_MS = 100;
/** Pause after a reading, in lengths of that reading: at most a fifth of the time goes into them. */
const PAUSE_FACTOR = 4;
/** The kernel refused something: memory or descriptors were short. */
const RETRY_MS = 1000;
/** linux/netlink.h: SOL_NETLINK, NETLINK_GET_STRICT_CHK. */
const STRICT = { level: 270, option: 12 } as const;
/** Routes to followed networks that one reading may bring; the book keeps fewer. */
const ROUTES_MAX = 4096;
const SUBJECT = "netlink routing tables";

interface Followed {
  readonly track: RouteTrack;
  readonly network: FollowedNetwork;
  /** As it was told last. */
  told: RouteVerdict;
}

/** One reading of all tables under way. */
interface Reading {
  readonly fd: number;
  readonly beganAt: MonoMs;
  readonly tables: FollowedTable[];
  readonly routes: TableRoute[];
}

export class RouteWatch {
  private readonly ports: WatchPorts;
  private readonly book = new RouteBook();
  private followed: ReadonlyMap<string, Followed> = new Map();
  private readonly incoming = pinned(RECEIVE_BYTES);
  private readonly request = pinned(64);
  private readonly writer = new MessageWriter(this.request.bytes);
  private listener: { readonly fd: number; readonly watch: Watch } | null = null;
  private reading: Reading | null = null;
  /** The next slice, or the next reading. */
  private timer: LoopTimer | null = null;
  private timerAt: MonoMs = NEVER;
  /** Something happened since the reading under way began. */
  private isStale = false;
  private pauseUntil: MonoMs = monoNow();
  private sequence = 1;
  private refusal = "";

  constructor(ports: WatchPorts) {
    this.ports = ports;
  }

  /** Follows exactly these. A small table is read before this returns. */
  follow(tracks: readonly RouteTrack[]): void {
    const wanted = new Map(tracks.map((track) => [trackKey(track), track]));
    const isSame = wanted.size === this.followed.size && [...wanted.keys()].every((key) => this.followed.has(key));
    if (isSame) return;
    const before = this.followed;
    this.followed = new Map([...wanted].map(([key, track]) => [key, before.get(key) ?? newFollowed(track)]));
    this.book.follow([...this.followed.values()].map(({ network }) => network));
    this.endReading();
    this.disarm();
    if (wanted.size === 0) this.closeListener();
    else this.begin();
  }

  isKnown(track: RouteTrack): boolean {
    return this.verdictOf(track)?.known === true;
  }

  /** A route that a reload brought to a running instance: nobody falls before the table has been read. */
  isWell(track: RouteTrack): boolean {
    const verdict = this.verdictOf(track);
    return verdict === undefined || !verdict.known || verdict.well;
  }

  stop(): void {
    this.follow([]);
  }

  private verdictOf(track: RouteTrack): RouteVerdict | undefined {
    return this.followed.get(trackKey(track))?.told;
  }

  /** Listens before it reads, so that nothing happens between the two. */
  private begin(): void {
    try {
      if (this.listener === null) {
        const groups = routeTableGroups | routeGroup.link | routeGroup.ipv4Address;
        const { fd } = openNetlink("ROUTE", groups, BUFFER_BYTES, SUBJECT);
        this.listener = { fd, watch: this.ports.loop.watch(fd, EPOLL.IN, () => this.drain()) };
      }
      const { fd } = openNetlink("ROUTE", 0, BUFFER_BYTES, SUBJECT);
      // A kernel without it tells of all tables; the book knows which ones are meant.
      setOption(fd, STRICT.level, STRICT.option, 1);
      this.reading = { fd, beganAt: monoNow(), tables: [...this.book.tables], routes: [] };
      this.isStale = false;
      this.ask(this.reading);
      this.slice();
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      this.failed(error.message);
    }
  }

  /** Asks for the reading's first table. */
  private ask({ fd, tables }: Reading): void {
    this.writer.reset();
    encodeTableDump(this.writer, tables[0].family, tables[0].table, this.sequence++);
    const sent = sendToKernel(fd, this.request.address, this.writer.length);
    if (sent < 0) throw new SysError("send", -sent, SUBJECT);
  }

  private slice(): void {
    const { reading } = this;
    if (reading === null) return;
    try {
      for (let count = 0; count < DATAGRAMS_PER_SLICE; count++) {
        if (!this.take(reading)) continue;
        reading.tables.shift();
        if (reading.tables.length === 0) return this.finish(reading);
        this.ask(reading);
      }
      this.arm(monoNow(), () => this.slice());
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      this.failed(error.message);
    }
  }

  /** One datagram of a dump. True: it was the last of its table. */
  private take({ fd, routes }: Reading): boolean {
    const { bytes, view, address } = this.incoming;
    const length = receiveFromKernel(fd, address, RECEIVE_BYTES);
    if (length < 0) throw new SysError("recv", -length, SUBJECT);
    const messages = decodeMessages(bytes, Math.min(length, RECEIVE_BYTES));
    if (!messages.ok) throw new SysError("dump", E.PROTO, SUBJECT);
    for (const message of messages.value) {
      if (message.type === messageType.done || message.type === messageType.error) {
        const hasCode = message.payloadEnd - message.payloadStart >= 4;
        const errno = hasCode ? -view.getInt32(message.payloadStart, true) : 0;
        // No such table: it comes into being with its first route.
        if (errno > 0 && errno !== E.NOENT) throw new SysError("dump", errno, SUBJECT);
        return true;
      }
      const fact = decodeTable(bytes, message, this.book.isFollowed);
      const isMeant = fact.ok && fact.value.kind === "route" && this.book.has(fact.value.route);
      if (isMeant && routes.length < ROUTES_MAX) routes.push(fact.value.route);
    }
    return false;
  }

  private finish(reading: Reading): void {
    this.endReading();
    const now = monoNow();
    this.refusal = "";
    this.pauseUntil = later(now, (now - reading.beganAt) * PAUSE_FACTOR);
    // What happened meanwhile is newer than what was read: read again, and let the hints count until then.
    const known = [...this.followed.values()].every(({ told }) => told.known);
    if (!this.isStale || !known) this.book.adopt(reading.routes);
    if (this.isStale) this.readSoon();
    this.tell();
  }

  private failed(text: string): void {
    this.endReading();
    if (this.refusal !== text) this.ports.report("error", "", `routes cannot be followed: ${text}`);
    this.refusal = text;
    this.arm(later(monoNow(), RETRY_MS), () => this.begin());
  }

  private drain(): void {
    if (this.listener === null) return;
    let happened = false;
    for (let count = 0; count < MESSAGES_PER_DRAIN; count++) {
      const length = receiveFromKernel(this.listener.fd, this.incoming.address, RECEIVE_BYTES);
      if (length === -E.AGAIN || length === -E.INTR) break;
      if (length >= 0 && length <= RECEIVE_BYTES) {
        happened = this.hear(length) || happened;
        continue;
      }
      if (length < 0 && length !== -E.NOBUFS) throw new SysError("recv", -length, `${SUBJECT}: ${errnoText(length)}`);
      // Notifications were lost: nothing that we believe can be trusted.
      this.book.forgetLinks();
      happened = true;
    }
    if (!happened) return;
    this.isStale = true;
    if (this.reading === null) this.readSoon();
    this.tell();
  }

  /** One datagram of notifications. True: the tables should be read again. */
  private hear(length: number): boolean {
    const { bytes } = this.incoming;
    const messages = decodeMessages(bytes, length);
    if (!messages.ok) return true;
    let happened = false;
    for (const message of messages.value) {
      const route = decodeTable(bytes, message, this.book.isFollowed);
      if (!route.ok) happened = true;
      else if (route.value.kind !== "other") happened = this.book.hear(route.value) || happened;
      else {
        const node = decodeRoute(bytes, message);
        if (node.ok) happened = this.book.hearNode(node.value) || happened;
      }
    }
    return happened;
  }

  /** Compares with what was told last. Whoever hears of it may call back, so everything is noted first. */
  private tell(): void {
    let changed = false;
    for (const followed of this.followed.values()) {
      const before = followed.told;
      const verdict = this.book.verdict(followed.network);
      followed.told = verdict;
      if (verdict.known === before.known && verdict.well === before.well) continue;
      changed = true;
      const name = trackName(followed.track);
      if (verdict.well) this.ports.report("notice", name, `${name} is there`);
      else this.ports.report("warning", name, `${name} ${verdict.text}`);
    }
    // Not from within `follow`: the speaker is not done with its own reload then.
    if (changed) this.ports.loop.defer(() => this.ports.changed());
  }

  private readSoon(): void {
    const at = Math.max(later(monoNow(), SETTLE_MS), this.pauseUntil) as MonoMs;
    if (this.timer !== null && this.timerAt <= at) return;
    this.arm(at, () => this.begin());
  }

  private arm(at: MonoMs, run: () => void): void {
    this.disarm();
    this.timerAt = at;
    this.timer = this.ports.loop.at(at, () => {
      this.timer = null;
      run();
    });
  }

  private disarm(): void {
    this.timer?.cancel();
    this.timer = null;
  }

  private endReading(): void {
    if (this.reading !== null) close(this.reading.fd);
    this.reading = null;
  }

  private closeListener(): void {
    if (this.listener === null) return;
    this.listener.watch.close();
    close(this.listener.fd);
    this.listener = null;
  }
}

function newFollowed(track: RouteTrack): Followed {
  const { address, prefixLength } = track.to;
  const bytes = addressBytes(address);
  const network: FollowedNetwork = {
    family: bytes.length === 4 ? 4 : 6,
    address: bytes,
    prefixLength,
    table: track.table,
  };
  return { track, network, told: { known: false, well: false, text: "" } };
}

function trackKey(track: RouteTrack): string {
  return networkKey({ ...track.to, address: addressBytes(track.to.address), family: 4, table: track.table });
}
