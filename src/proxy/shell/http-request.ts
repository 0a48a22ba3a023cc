/**
 * From bytes of a client to a request that is ready for a server: read, parse, rules, rewrite.
 *
 * The head is parsed where recv put it (the read scratch, or the connection's block when it came in pieces) and written
 * in its forwarded form into a block of its own, which is kept until the first response byte: should a pooled
 * connection turn out to be dead, the request is sent again from there.
 */
import { formatSocketAddress } from "../../config/schema-address.ts";
import type { ServerConfig } from "../../config/types-proxy.ts";
import { type ChunkedDecoder, chunkedOutput, LAST_CHUNK } from "../../http/chunked.ts";
import { bodyKinds, defaultHeadLimits, MessageHead } from "../../http/head.ts";
import { methodIds } from "../../http/methods.ts";
import { reject, rejectReason } from "../../http/reject.ts";
import { parseRequestHead } from "../../http/request-parser.ts";
import { RequestForward, writeRequestHead } from "../../http/writer.ts";
import { frontendCounters } from "../../stats/layout.ts";
import { EXCLUDE_NONE } from "../balance.ts";
import { BODY, FLAG, NONE, PEER_TEXT_BYTES } from "../conn-table.ts";
import type { RequestContext } from "../request-context.ts";
import { FINAL, Outcome } from "../rules.ts";
import { BLOCK_BYTES, HTTP_READ_BYTES, READ_AT, WRITE_AT } from "./arena.ts";
import type { HttpExchange } from "./http-exchange.ts";
import type { Plane } from "./plane.ts";
import { routeHttp } from "./routing.ts";
import type { Upstream } from "./upstream.ts";

/** The client's address as text, for X-Forwarded-For: behind everything that a head can need of the write scratch. */
const ADDRESS_AT = WRITE_AT + 60 * 1024;
/** Host for a request that has none: behind that address. */
const HOST_AT = ADDRESS_AT + PEER_TEXT_BYTES;
/** Address, brackets and port; room to spare. */
const HOST_BYTES_MAX = 512;
/** RFC 9110 9.2.2; what is not in the table may have effects and is never sent twice. */
const REPEATABLE = new Set<number>([methodIds.get, methodIds.head, methodIds.put, methodIds.delete, methodIds.options]);
const repeatable = Uint8Array.from({ length: 16 }, (_, id) => (REPEATABLE.has(id) ? 1 : 0));

const encoder = new TextEncoder();

export class HttpRequests {
  /** The last request's head: valid until the next one is parsed. */
  readonly head = new MessageHead();
  private readonly forward = new RequestForward();
  /** The rules put their header edits where the writer finds them. */
  private readonly outcome = new Outcome(this.forward.edits);
  private readonly p: Plane;
  private readonly upstream: Upstream;
  private readonly exchange: HttpExchange;
  private readonly decoder: ChunkedDecoder;
  private readonly context: RequestContext;

  constructor(p: Plane, upstream: Upstream, exchange: HttpExchange, decoder: ChunkedDecoder, context: RequestContext) {
    this.p = p;
    this.upstream = upstream;
    this.exchange = exchange;
    this.decoder = decoder;
    this.context = context;
  }

  /** A client in state HEAD with something to read. */
  readHead(client: number): void {
    const { p } = this;
    const t = p.table;
    for (;;) {
      let start: number;
      let end: number;
      const block = t.inBlock[client];
      if (block < 0) {
        if ((t.flags[client] & FLAG.READABLE) === 0) return;
        if (!p.mayBegin) return this.lackOfMemory(client);
        const received = p.read(client, READ_AT, HTTP_READ_BYTES);
        if (received <= 0) return this.noMore(client, received);
        start = READ_AT;
        end = READ_AT + received;
      } else {
        start = t.inStart[client];
        end = t.inEnd[client];
        // Pipelined bytes are looked at first; a head that is known to be incomplete needs more of them.
        if (t.scannedBytes[client] === end - start) {
          if ((t.flags[client] & FLAG.READABLE) === 0) return;
          const received = p.read(client, end, Math.min(HTTP_READ_BYTES - (end - start), block + BLOCK_BYTES - end));
          if (received <= 0) return this.noMore(client, received);
          end += received;
          t.inEnd[client] = end;
        }
      }
      if ((t.flags[client] & FLAG.HEAD_BEGUN) === 0) this.begin(client);
      this.head.scannedBytes = t.scannedBytes[client];
      const parsed = parseRequestHead(p.bytes, start, end, this.head, defaultHeadLimits);
      if (parsed > 0) return this.accept(client, start, parsed, end);
      if (parsed < 0) return this.refuse(client, -parsed);
      // The request's time is measured from its first byte; one that comes in one piece needs no timer for it.
      if (t.scannedBytes[client] === 0) p.setTimer(client, this.remainingMs(client));
      t.scannedBytes[client] = this.head.scannedBytes;
      this.keepRest(client, start, end);
    }
  }

  /** Every block is in use. Waiting for one would let new requests pile up behind slow ones: they are told at once. */
  private lackOfMemory(client: number): void {
    const { p } = this;
    const received = p.read(client, READ_AT, HTTP_READ_BYTES);
    if (received <= 0) return this.noMore(client, received);
    if ((p.table.flags[client] & FLAG.HEAD_BEGUN) === 0) this.begin(client);
    this.exchange.answer(client, 503, "RR");
  }

  /** The first byte of a request: its clock starts. */
  private begin(client: number): void {
    const { p } = this;
    const t = p.table;
    t.flags[client] |= FLAG.HEAD_BEGUN;
    t.startedAt[client] = p.loop.now;
  }

  /** Of the time for the head. */
  private remainingMs(client: number): number {
    const { p } = this;
    return p.frontendOf[client].config.timeouts.httpRequestMs - (p.loop.now - p.table.startedAt[client]);
  }

  private noMore(client: number, received: number): void {
    const t = this.p.table;
    if ((t.flags[client] & FLAG.EOF) === 0) return;
    if (t.flags[client] & FLAG.HEAD_BEGUN && received === 0) return this.exchange.answer(client, 400, "CR");
    this.exchange.closeIdle(client);
  }

  private refuse(client: number, code: number): void {
    const { p } = this;
    const frontend = p.frontendOf[client];
    p.memory.own[frontend.counters + frontendCounters.badRequests]++;
    p.table.headAt[client] = NONE;
    this.exchange.answer(client, rejectReason(code).status, "PR");
  }

  /** Keeps unread bytes [start, end) in the client's block, moving them to its beginning. */
  private keepRest(client: number, start: number, end: number): void {
    const { p } = this;
    const t = p.table;
    let block = t.inBlock[client];
    if (start === end) {
      if (block >= 0) {
        p.arena.release(block);
        t.inBlock[client] = NONE;
      }
      return;
    }
    if (block < 0) {
      block = p.arena.acquire();
      t.inBlock[client] = block;
    }
    if (start !== block) p.bytes.copyWithin(block, start, end);
    t.inStart[client] = block;
    t.inEnd[client] = block + end - start;
  }

  /** A complete head at [start, headEnd), with what follows up to `end`. */
  private accept(client: number, start: number, headEnd: number, end: number): void {
    const { p, head, outcome } = this;
    const t = p.table;
    const frontend = this.exchange.adoptConfiguration(client);
    t.headAt[client] = p.loop.now;
    t.scannedBytes[client] = 0;
    t.method[client] = head.methodId;
    t.receivedBytes[client] = headEnd - start;
    let flags = t.flags[client] & ~(FLAG.HTTP10 | FLAG.IDEMPOTENT | FLAG.UPGRADE | FLAG.CLOSE_AFTER);
    if (!head.keepAlive || frontend.closes) flags |= FLAG.CLOSE_AFTER;
    if (head.minor === 0) flags |= FLAG.HTTP10;
    if (repeatable[head.methodId] === 1) flags |= FLAG.IDEMPOTENT;
    if (head.upgradeStart >= 0) flags |= FLAG.UPGRADE;
    if (head.bodyKind === bodyKinds.none) flags |= FLAG.REQUEST_DONE;
    t.flags[client] = flags;
    t.body[client] = head.bodyKind;
    t.bodyLeft[client] = head.bodyKind === bodyKinds.length ? head.contentLength : 0;
    p.memory.own[frontend.counters + frontendCounters.requestsTotal]++;
    this.exchange.sessions.log.noteRequest(client, head);

    this.forward.clear();
    const backend = routeHttp(p, client, frontend, head, this.context, outcome);
    if (outcome.final === FINAL.deny) {
      p.memory.own[frontend.counters + frontendCounters.deniedRequests]++;
      return this.answerHere(client, headEnd, end, () => this.exchange.answer(client, outcome.status, "PR"));
    }
    if (outcome.final === FINAL.redirect) {
      return this.answerHere(client, headEnd, end, () => this.exchange.redirect(client, outcome.redirect, head));
    }
    if (backend === null) return this.exchange.answer(client, 503, "SC");
    p.backendOf[client] = backend;
    this.exchange.sessions.enterBackend(client);
    t.retriesLeft[client] = backend.config.retries;
    const block = p.arena.acquire();
    if (block < 0) return this.exchange.answer(client, 503, "RR");
    t.requestBlock[client] = block;
    const written = this.write(client, block, backend.config.httpClose || frontend.config.options.httpClose);
    if (written < 0) return this.refuse(client, reject.headTooLarge);
    t.requestSent[client] = block;
    t.requestEnd[client] = block + written;
    const rest = this.takeBody(client, headEnd, end, block + written);
    if (rest < 0) return this.refuse(client, -rest);
    this.keepRest(client, rest, end);
    p.wheel.clear(client);
    this.upstream.assign(client, EXCLUDE_NONE);
  }

  /** Answers without a server; what follows the head stays for the next request. */
  private answerHere(client: number, headEnd: number, end: number, answer: () => void): void {
    this.keepRest(client, headEnd, end);
    answer();
  }

  private write(client: number, block: number, closesServer: boolean): number {
    const { p, head, forward } = this;
    const t = p.table;
    forward.closesServer = closesServer;
    // A client on a Unix socket has no address to tell (HAProxy adds no field either).
    if (p.frontendOf[client].config.options.forwardfor && t.peerFamily[client] !== 0) {
      const length = t.peerTextLength[client];
      const from = client * PEER_TEXT_BYTES;
      for (let i = 0; i < length; i++) p.bytes[ADDRESS_AT + i] = t.peerText[from + i];
      forward.forwardedForStart = ADDRESS_AT;
      forward.forwardedForEnd = ADDRESS_AT + length;
    }
    if (head.hostStart < 0) this.giveHost(p.backend(client).config.servers);
    return writeRequestHead(p.bytes, block, block + BLOCK_BYTES, head, forward);
  }

  /**
   * HTTP/1.0 without Host: what is forwarded is HTTP/1.1, and servers refuse an empty one. Which server takes the request
   * is not known yet, and the name must not change when another one does: all of a backend hear the first one's address.
   */
  private giveHost(servers: readonly ServerConfig[]): void {
    const { p, forward } = this;
    const address = servers.at(0)?.address;
    if (address === undefined) return;
    const text = address.kind === "unix" ? "localhost" : formatSocketAddress(address);
    const { written } = encoder.encodeInto(text, p.bytes.subarray(HOST_AT, HOST_AT + HOST_BYTES_MAX));
    forward.fallbackHostStart = HOST_AT;
    forward.fallbackHostEnd = HOST_AT + written;
  }

  /** Puts body bytes that came with the head behind it. Answers where the rest begins, or −RejectCode. */
  private takeBody(client: number, at: number, end: number, into: number): number {
    const { p } = this;
    const t = p.table;
    if (t.body[client] === BODY.NONE || (at === end && t.body[client] === BODY.LENGTH)) return at;
    const room = t.requestBlock[client] + BLOCK_BYTES - into;
    if (t.body[client] === BODY.LENGTH) {
      const take = Math.min(end - at, t.bodyLeft[client], room);
      p.bytes.copyWithin(into, at, at + take);
      t.requestEnd[client] = into + take;
      t.receivedBytes[client] += take;
      t.bodyLeft[client] -= take;
      if (t.bodyLeft[client] === 0) t.flags[client] |= FLAG.REQUEST_DONE;
      return at + take;
    }
    this.decoder.open(client);
    if (at === end || end - at + LAST_CHUNK.length > room) return at;
    const next = this.decoder.feed(client, p.bytes, at, end, chunkedOutput.chunks);
    if (next < 0) return next;
    const { outEnd } = this.decoder;
    p.bytes.copyWithin(into, at, outEnd);
    let out = into + outEnd - at;
    if (this.decoder.owesLastChunk) {
      p.bytes.set(LAST_CHUNK, out);
      out += LAST_CHUNK.length;
    }
    t.requestEnd[client] = out;
    t.receivedBytes[client] += next - at;
    if (this.decoder.done) t.flags[client] |= FLAG.REQUEST_DONE;
    return next;
  }
}
