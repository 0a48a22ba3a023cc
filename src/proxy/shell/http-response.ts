/**
 * The response on its way to the client: head parsed and rewritten with the body bytes behind it in one send, then the
 * body as it comes. Interim responses pass; a 101 that was asked for turns the session into a tunnel.
 */
import { type ChunkedDecoder, chunkedOutput, LAST_CHUNK } from "../../http/chunked.ts";
import { emitRegion } from "../../http/emit.ts";
import { defaultHeadLimits, MessageHead } from "../../http/head.ts";
import { parseResponseHead } from "../../http/response-parser.ts";
import { isCloseDelimited, ResponseForward, writeResponseHead } from "../../http/writer.ts";
import { BODY, FLAG, NONE } from "../conn-table.ts";
import { BLOCK_BYTES, HTTP_READ_BYTES, READ_AT, WRITE_AT } from "./arena.ts";
import type { HttpExchange } from "./http-exchange.ts";
import { type HttpRequestBodies, SPLICE_BODY_BYTES } from "./http-request-body.ts";
import type { Plane } from "./plane.ts";
import { RELAY, relayPipe, SPLICED, startSplice } from "./relay.ts";

const ROUNDS_MAX = 8;

export class HttpResponses {
  private readonly head = new MessageHead();
  private readonly forward = new ResponseForward();
  private readonly p: Plane;
  private readonly exchange: HttpExchange;
  private readonly bodies: HttpRequestBodies;
  private readonly decoder: ChunkedDecoder;
  private readonly moved = new Float64Array(1);

  constructor(p: Plane, exchange: HttpExchange, bodies: HttpRequestBodies, decoder: ChunkedDecoder) {
    this.p = p;
    this.exchange = exchange;
    this.bodies = bodies;
    this.decoder = decoder;
  }

  /** Reads and forwards what is there; stops while the client takes no more. */
  read(client: number, server: number): void {
    const { p } = this;
    const t = p.table;
    for (let round = 0; round < ROUNDS_MAX; round++) {
      const flushed = p.flush(client);
      if (flushed < 0) return this.exchange.clientFailed(client, "CD");
      if (flushed === 0) return;
      if (t.flags[server] & FLAG.RESPONDING && t.body[server] !== BODY.CHUNKED) {
        if (t.pipe[server] >= 0) {
          const outcome = this.splice(client, server);
          if (outcome === RELAY.IDLE) return;
          if (outcome === RELAY.TARGET_BROKEN) return this.exchange.clientFailed(client, "CD");
          continue;
        }
        if (t.body[server] !== BODY.UNTIL_CLOSE && t.bodyLeft[server] === 0) return this.end(client, server);
      }
      if ((t.flags[server] & FLAG.READABLE) === 0) {
        if (t.flags[server] & FLAG.EOF) this.ended(client, server);
        return;
      }
      if (!p.mayRead(server)) return;
      let start = READ_AT;
      let want = t.flags[server] & FLAG.RESPONDING ? BLOCK_BYTES - LAST_CHUNK.length : HTTP_READ_BYTES;
      const block = t.inBlock[server];
      if (block >= 0) {
        start = t.inEnd[server];
        want = Math.min(HTTP_READ_BYTES - (start - t.inStart[server]), block + BLOCK_BYTES - start);
      }
      const received = p.read(server, start, want);
      if (received <= 0) continue;
      const end = start + received;
      const goOn =
        t.flags[server] & FLAG.RESPONDING
          ? this.body(client, server, start, end)
          : this.headBytes(client, server, block >= 0 ? t.inStart[server] : start, end);
      if (!goOn) return;
      if (
        received === want &&
        t.flags[server] & FLAG.RESPONDING &&
        (t.body[server] === BODY.UNTIL_CLOSE ||
          (t.body[server] === BODY.LENGTH && t.bodyLeft[server] >= SPLICE_BODY_BYTES)) &&
        t.inBlock[server] < 0
      ) {
        startSplice(p, server, client);
      }
    }
    p.markReady(server);
  }

  private splice(client: number, server: number): number {
    const { p, moved } = this;
    const t = p.table;
    moved[0] = 0;
    const limit = t.body[server] === BODY.LENGTH ? t.bodyLeft[server] : Number.MAX_SAFE_INTEGER;
    const outcome = relayPipe(p, server, client, limit, moved);
    t.sentBytes[client] += moved[0];
    if (t.body[server] === BODY.LENGTH) t.bodyLeft[server] -= moved[0];
    // The end of the stream, or the last byte of the body: nothing more will come through this pipe.
    return outcome === SPLICED ? SPLICED : outcome;
  }

  /** The server sent its end (or broke off) and everything before it has been forwarded. */
  private ended(client: number, server: number): void {
    const t = this.p.table;
    if ((t.flags[server] & FLAG.RESPONDING) === 0) return this.exchange.serverFailed(client, "SH");
    if (t.body[server] === BODY.UNTIL_CLOSE && (t.flags[server] & FLAG.BROKEN) === 0) {
      t.flags[server] &= ~FLAG.KEEP;
      return this.end(client, server);
    }
    this.exchange.serverFailed(client, "SD");
  }

  private end(client: number, server: number): void {
    // Bytes behind the response are never another response: the connection is not used again (RFC 9112 9.2).
    if (this.p.table.inBlock[server] >= 0) this.p.table.flags[server] &= ~FLAG.KEEP;
    this.exchange.responded(client);
  }

  /** [start, end): the beginning of a response. True: go on reading. */
  private headBytes(client: number, server: number, start: number, end: number): boolean {
    const { p, head } = this;
    const t = p.table;
    this.bodies.forgetRequest(client);
    let at = start;
    for (;;) {
      head.scannedBytes = t.scannedBytes[server];
      const parsed = at === end ? 0 : parseResponseHead(p.bytes, at, end, head, t.method[client], defaultHeadLimits);
      if (parsed === 0) {
        t.scannedBytes[server] = at === end ? 0 : head.scannedBytes;
        this.keepPartial(server, at, end);
        return true;
      }
      t.scannedBytes[server] = 0;
      if (parsed < 0) {
        this.exchange.serverFailed(client, "PH");
        return false;
      }
      if (head.status >= 200 || head.status === 101) return this.final(client, server, parsed, end);
      const written = this.write(client, false);
      if (written > 0) {
        // No answer yet: a server that dies after its 100 still gets the client a 502.
        t.sentBytes[client] += written;
        if (!p.deliver(client, WRITE_AT, written)) {
          this.exchange.clientFailed(client, "CD");
          return false;
        }
      }
      at = parsed;
    }
  }

  private keepPartial(server: number, start: number, end: number): void {
    const { p } = this;
    const t = p.table;
    let block = t.inBlock[server];
    if (start === end) {
      if (block >= 0) p.arena.release(block);
      t.inBlock[server] = NONE;
      return;
    }
    if (block < 0) {
      block = p.arena.acquire();
      t.inBlock[server] = block;
    }
    if (block !== start) p.bytes.copyWithin(block, start, end);
    t.inStart[server] = block;
    t.inEnd[server] = block + end - start;
  }

  private write(client: number, closes: boolean): number {
    const { p, forward } = this;
    forward.clear();
    forward.clientMinor = p.table.flags[client] & FLAG.HTTP10 ? 0 : 1;
    forward.closesClient = closes;
    return writeResponseHead(p.bytes, WRITE_AT, WRITE_AT + BLOCK_BYTES, this.head, forward);
  }

  /** A final head, its body bytes in [bodyAt, end). */
  private final(client: number, server: number, bodyAt: number, end: number): boolean {
    const { p, head } = this;
    const t = p.table;
    const backend = p.backend(client);
    t.respondedAt[client] = p.loop.now;
    t.status[client] = head.status;
    const minor = t.flags[client] & FLAG.HTTP10 ? 0 : 1;
    const isTunnel = head.status === 101;
    if (isTunnel && (t.flags[client] & FLAG.UPGRADE) === 0) {
      this.exchange.serverFailed(client, "PH");
      return false;
    }
    const mustClose =
      isCloseDelimited(head, minor) ||
      backend.config.httpClose ||
      p.frontendOf[client].closes ||
      (t.flags[client] & FLAG.REQUEST_DONE) === 0;
    if (mustClose && !isTunnel) t.flags[client] |= FLAG.CLOSE_AFTER;
    const written = this.write(client, (t.flags[client] & FLAG.CLOSE_AFTER) !== 0);
    if (written <= 0) {
      this.exchange.serverFailed(client, "PH");
      return false;
    }
    t.flags[client] |= FLAG.ANSWERED;
    let serverFlags = t.flags[server] | FLAG.RESPONDING;
    if (head.keepAlive && !backend.config.httpClose && !p.frontendOf[client].config.options.httpClose) {
      serverFlags |= FLAG.KEEP;
    }
    if (head.chunked && minor === 0) serverFlags |= FLAG.DECHUNK;
    t.flags[server] = serverFlags;
    t.body[server] = head.bodyKind;
    t.bodyLeft[server] = head.bodyKind === BODY.LENGTH ? head.contentLength : 0;
    t.sentBytes[client] += written;
    if (isTunnel) return this.tunnel(client, server, written, bodyAt, end);
    if (head.bodyKind === BODY.CHUNKED) this.decoder.open(server);
    const wholeHeadOnly = end === bodyAt || head.bodyKind === BODY.NONE;
    if (wholeHeadOnly) {
      if (!p.deliver(client, WRITE_AT, written)) return this.clientGone(client);
      this.leaveBlock(server, bodyAt, end);
      if (head.bodyKind === BODY.NONE || (head.bodyKind === BODY.LENGTH && t.bodyLeft[server] === 0)) {
        this.end(client, server);
        return false;
      }
      return true;
    }
    const stop = emitRegion(p.bytes, WRITE_AT + written, bodyAt, end);
    return this.bodyAfter(client, server, WRITE_AT, WRITE_AT + written, stop);
  }

  private tunnel(client: number, server: number, written: number, bodyAt: number, end: number): boolean {
    const { p } = this;
    p.bytes.copyWithin(WRITE_AT + written, bodyAt, end);
    p.table.sentBytes[client] += end - bodyAt;
    this.leaveBlock(server, end, end);
    if (!p.deliver(client, WRITE_AT, written + end - bodyAt)) return this.clientGone(client);
    this.exchange.becomeTunnel(client);
    return false;
  }

  /** Body bytes in the read scratch. */
  private body(client: number, server: number, start: number, end: number): boolean {
    return this.bodyAfter(client, server, start, start, end);
  }

  /** Sends [start, bodyAt) (a head, or nothing) and the body bytes of [bodyAt, end) together. */
  private bodyAfter(client: number, server: number, start: number, bodyAt: number, end: number): boolean {
    const { p, decoder } = this;
    const t = p.table;
    let sendEnd = end;
    let isLast = false;
    switch (t.body[server]) {
      case BODY.LENGTH: {
        const take = Math.min(end - bodyAt, t.bodyLeft[server]);
        t.bodyLeft[server] -= take;
        sendEnd = bodyAt + take;
        isLast = t.bodyLeft[server] === 0;
        if (sendEnd < end) t.flags[server] &= ~FLAG.KEEP;
        break;
      }
      case BODY.CHUNKED: {
        const output = t.flags[server] & FLAG.DECHUNK ? chunkedOutput.data : chunkedOutput.chunks;
        const next = decoder.feed(server, p.bytes, bodyAt, end, output);
        if (next < 0) {
          // The head goes out with what was good, so that the cut is seen for what it is; or 502 when nothing went yet.
          if (start < bodyAt) t.flags[client] &= ~FLAG.ANSWERED;
          this.exchange.serverFailed(client, "PD");
          return false;
        }
        sendEnd = decoder.outEnd;
        isLast = decoder.done;
        if (decoder.owesLastChunk && output === chunkedOutput.chunks) {
          p.bytes.set(LAST_CHUNK, sendEnd);
          sendEnd += LAST_CHUNK.length;
        }
        if (next < end) t.flags[server] &= ~FLAG.KEEP;
        break;
      }
      default:
        break;
    }
    t.sentBytes[client] += sendEnd - bodyAt;
    if (sendEnd > start && !p.deliver(client, start, sendEnd - start)) return this.clientGone(client);
    // A head in pieces left a block behind; everything in it has been used.
    if (t.inBlock[server] >= 0) this.leaveBlock(server, end, end);
    if (!isLast) return true;
    this.end(client, server);
    return false;
  }

  /** Drops the server's block; bytes that are left over were not asked for. */
  private leaveBlock(server: number, at: number, end: number): void {
    const { p } = this;
    const t = p.table;
    if (at < end) t.flags[server] &= ~FLAG.KEEP;
    if (t.inBlock[server] < 0) return;
    p.arena.release(t.inBlock[server]);
    t.inBlock[server] = NONE;
  }

  private clientGone(client: number): boolean {
    this.exchange.clientFailed(client, "CD");
    return false;
  }
}
