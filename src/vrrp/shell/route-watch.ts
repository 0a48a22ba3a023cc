/**
 * Follows networks in the kernel's routing tables, with sockets of its own: on a router whole tables come and go, and
 * adverts must not wait behind them.
 *
 * What it costs: a table is read at the start, and again after something happened to a network that is followed, to a
 * link, source address or nexthop object of its routes, or after notifications were lost; never because of other
 * routes, of which only the header is looked at. One reading at a time, in slices of about a millisecond, and a pause of
 * four times its length after it: a fifth of the time at most.
 */
import type { TrackConfig } from "../../config/types-vrrp.ts";
import { later, type MonoMs, NEVER } from "../../lib/time.ts";
import { decodeMessages } from "../../netlink/codec.ts";
import { decodeRoute, routeGroup } from "../../netlink/codec-route.ts";
import { decodeTable, routeTableGroups, type TableRoute } from "../../netlink/codec-route-table.ts";
import { addressBytes } from "../../net/address.ts";
import { EPOLL } from "../../sys/abi.ts";
import { monoNow } from "../../sys/clock.ts";
import { E, SysError } from "../../sys/errno.ts";
import type { LoopTimer, Watch } from "../../sys/loop.ts";
import { pinned } from "../../sys/memory.ts";
import { openNetlink, receiveFromKernel } from "../../sys/netlink-socket.ts";
import { close } from "../../sys/socket.ts";
import { type FollowedNetwork, networkKey, RouteBook, type RouteVerdict } from "../route-track.ts";
import { trackName } from "../track.ts";
import { TableReader } from "./table-reader.ts";
import type { WatchPorts } from "./watch-ports.ts";

export type RouteTrack = Extract<TrackConfig, { kind: "route" }>;

/** A notification is a few hundred bytes, more with many nexthops; one that does not fit counts as lost. */
const RECEIVE_BYTES = 8192;
/** An overrun costs one reading: there is no need to hold a table. */
const BUFFER_BYTES = 256 * 1024;
/** Notifications taken at once; in a flood the rest waits for the next turn. */
const MESSAGES_PER_DRAIN = 256;
/**
 * The kernel tells of a link, an address or a route before it has done what follows from it: who reads at once reads
 * the past. Hints count meanwhile.
 */
const SETTLE_MS = 100;
/** In lengths of the reading before it. */
const PAUSE_FACTOR = 4;
/** The kernel refused something: memory or descriptors were short. */
const RETRY_MS = 1000;
const SUBJECT = "netlink routing tables";

interface Followed {
  readonly track: RouteTrack;
  readonly network: FollowedNetwork;
  /** As it was told last. */
  told: RouteVerdict;
}

export class RouteWatch {
  private readonly ports: WatchPorts;
  private readonly book = new RouteBook();
  private readonly reader: TableReader;
  private followed: ReadonlyMap<string, Followed> = new Map();
  private readonly incoming = pinned(RECEIVE_BYTES);
  private listener: { readonly fd: number; readonly watch: Watch } | null = null;
  /** The next reading. */
  private timer: LoopTimer | null = null;
  private timerAt: MonoMs = NEVER;
  private pauseUntil: MonoMs = monoNow();
  /** Something happened since the reading under way began. */
  private isStale = false;
  private refusal = "";

  constructor(ports: WatchPorts) {
    this.ports = ports;
    this.reader = new TableReader({
      loop: ports.loop,
      isFollowed: this.book.isFollowed,
      has: (route) => this.book.has(route),
      done: (routes, tookMs) => this.read(routes, tookMs),
      failed: (text) => this.failed(text),
    });
  }

  /** Follows exactly these. Small tables are read before this returns. */
  follow(tracks: readonly RouteTrack[]): void {
    const wanted = new Map(tracks.map((track) => [trackKey(track), track]));
    const isSame = wanted.size === this.followed.size && [...wanted.keys()].every((key) => this.followed.has(key));
    if (isSame) return;
    const before = this.followed;
    this.followed = new Map([...wanted].map(([key, track]) => [key, before.get(key) ?? newFollowed(track)]));
    this.book.follow([...this.followed.values()].map(({ network }) => network));
    this.reader.cancel();
    this.timer?.cancel();
    this.timer = null;
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
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      return this.failed(error.message);
    }
    this.isStale = false;
    this.reader.begin(this.book.tables);
  }

  private read(routes: readonly TableRoute[], tookMs: number): void {
    this.refusal = "";
    this.pauseUntil = later(monoNow(), tookMs * PAUSE_FACTOR);
    // What happened meanwhile is newer than what was read: read again, and let the hints count until then.
    const knowsAll = [...this.followed.values()].every(({ told }) => told.known);
    if (!this.isStale || !knowsAll) this.book.adopt(routes);
    if (this.isStale) this.readSoon();
    this.tell();
  }

  private failed(text: string): void {
    if (this.refusal !== text) this.ports.report("error", "", `routes cannot be followed: ${text}`);
    this.refusal = text;
    this.readAt(later(monoNow(), RETRY_MS));
  }

  private drain(): void {
    if (this.listener === null) return;
    let happened = false;
    for (let count = 0; count < MESSAGES_PER_DRAIN; count++) {
      const length = receiveFromKernel(this.listener.fd, this.incoming.address, RECEIVE_BYTES);
      if (length === -E.AGAIN || length === -E.INTR) break;
      if (length < 0 && length !== -E.NOBUFS) throw new SysError("recv", -length, SUBJECT);
      if (length < 0 || length > RECEIVE_BYTES) {
        // Notifications were lost: nothing that we believe can be trusted.
        this.book.forgetLinks();
        happened = true;
      } else happened = this.hear(length) || happened;
    }
    if (!happened) return;
    this.isStale = true;
    if (!this.reader.isReading) this.readSoon();
    this.tell();
  }

  /** One datagram of notifications. True: the tables should be read again. */
  private hear(length: number): boolean {
    const { bytes } = this.incoming;
    const messages = decodeMessages(bytes, length);
    if (!messages.ok) return true;
    let happened = false;
    for (const message of messages.value) {
      const fact = decodeTable(bytes, message, this.book.isFollowed);
      if (!fact.ok) happened = true;
      else if (fact.value.kind !== "other") happened = this.book.hear(fact.value) || happened;
      else {
        const node = decodeRoute(bytes, message);
        if (node.ok) happened = this.book.hearNode(node.value) || happened;
      }
    }
    return happened;
  }

  /** Compares with what was told last. */
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
    this.readAt(Math.max(later(monoNow(), SETTLE_MS), this.pauseUntil) as MonoMs);
  }

  /** One reading is enough for whatever happens until it begins. */
  private readAt(at: MonoMs): void {
    if (this.timer !== null && this.timerAt <= at) return;
    this.timer?.cancel();
    this.timerAt = at;
    this.timer = this.ports.loop.at(at, () => {
      this.timer = null;
      this.begin();
    });
  }

  private closeListener(): void {
    if (this.listener === null) return;
    this.listener.watch.close();
    close(this.listener.fd);
    this.listener = null;
  }
}

function newFollowed(track: RouteTrack): Followed {
  return { track, network: networkOf(track), told: { known: false, well: false, text: "" } };
}

function networkOf({ to, table }: RouteTrack): FollowedNetwork {
  const address = addressBytes(to.address);
  return { family: address.length === 4 ? 4 : 6, address, prefixLength: to.prefixLength, table };
}

function trackKey(track: RouteTrack): string {
  return networkKey(networkOf(track));
}
