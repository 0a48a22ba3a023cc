/**
 * The request on its way to the server: first what is kept in the request block, then the rest of the body as it
 * arrives. Known lengths go by splice when they are long; chunks are checked and forwarded in canonical form.
 */
import { type ChunkedDecoder, chunkedOutput, LAST_CHUNK } from "../../http/chunked.ts";
import { BODY, FLAG, NONE } from "../conn-table.ts";
import { BLOCK_BYTES, HTTP_READ_BYTES, READ_AT, WRITE_AT } from "./arena.ts";
import type { HttpExchange } from "./http-exchange.ts";
import type { Plane } from "./plane.ts";
import { RELAY, relayPipe, SPLICED, startSplice } from "./relay.ts";

/** A body with more than this left is worth a pipe. */
export const SPLICE_BODY_BYTES = 64 * 1024;
const ROUNDS_MAX = 8;

export class HttpRequestBodies {
  private readonly p: Plane;
  private readonly exchange: HttpExchange;
  private readonly decoder: ChunkedDecoder;
  private readonly moved = new Float64Array(1);

  constructor(p: Plane, exchange: HttpExchange, decoder: ChunkedDecoder) {
    this.p = p;
    this.exchange = exchange;
    this.decoder = decoder;
  }

  /**
   * Sends what can be sent. False when the session has ended or been answered meanwhile.
   * A server that takes no more is not a failure yet: its response may be waiting.
   */
  send(client: number, server: number): boolean {
    const { p } = this;
    const t = p.table;
    if (t.flags[server] & FLAG.BROKEN) return true;
    if (t.requestSent[client] < t.requestEnd[client]) {
      if (t.flags[server] & FLAG.BLOCKED) return true;
      const sent = p.write(server, t.requestSent[client], t.requestEnd[client] - t.requestSent[client]);
      if (sent < 0) return true;
      t.requestSent[client] += sent;
      if (t.requestSent[client] < t.requestEnd[client]) return true;
      if (t.flags[server] & FLAG.RESPONDING) this.forgetRequest(client);
    }
    if (t.flags[client] & FLAG.REQUEST_DONE) {
      // The body's last bytes may have met a full socket.
      p.flush(server);
      return true;
    }
    return this.pump(client, server);
  }

  /** The request cannot be sent again from now on. */
  forgetRequest(client: number): void {
    const t = this.p.table;
    t.flags[client] |= FLAG.UNREPEATABLE;
    if (t.requestBlock[client] < 0 || t.requestSent[client] < t.requestEnd[client]) return;
    this.p.arena.release(t.requestBlock[client]);
    t.requestBlock[client] = NONE;
  }

  private pump(client: number, server: number): boolean {
    const { p } = this;
    const t = p.table;
    for (let round = 0; round < ROUNDS_MAX; round++) {
      const flushed = p.flush(server);
      if (flushed <= 0) return true;
      if (t.pipe[client] >= 0) {
        this.moved[0] = 0;
        const outcome = relayPipe(p, client, server, t.bodyLeft[client], this.moved);
        t.bodyLeft[client] -= this.moved[0];
        t.receivedBytes[client] += this.moved[0];
        if (outcome === SPLICED) continue;
        return outcome !== RELAY.IDLE ? true : this.isAlive(client);
      }
      if (t.body[client] === BODY.LENGTH && t.bodyLeft[client] === 0) {
        t.flags[client] |= FLAG.REQUEST_DONE;
        return true;
      }
      let start = READ_AT;
      let end = READ_AT;
      const block = t.inBlock[client];
      if (block >= 0) {
        start = t.inStart[client];
        end = t.inEnd[client];
      } else {
        if ((t.flags[client] & FLAG.READABLE) === 0) return this.isAlive(client);
        if (!p.mayRead(client)) return true;
        const want = t.body[client] === BODY.LENGTH ? Math.min(BLOCK_BYTES, t.bodyLeft[client]) : HTTP_READ_BYTES;
        const received = p.read(client, READ_AT, want);
        if (received <= 0) {
          if (received < 0 && (t.flags[client] & FLAG.EOF) === 0) return true;
          return this.isAlive(client);
        }
        end = start + received;
      }
      this.forgetRequest(client);
      const next = this.forward(client, server, start, end);
      if (next < 0) {
        this.exchange.answer(client, 400, "PR");
        return false;
      }
      this.keepRest(client, block, next, end);
      if (t.flags[client] & FLAG.REQUEST_DONE || t.flags[server] & FLAG.BROKEN) return true;
      if (end - start === BLOCK_BYTES && t.body[client] === BODY.LENGTH && t.bodyLeft[client] >= SPLICE_BODY_BYTES) {
        startSplice(p, client, server);
      }
    }
    p.markReady(client);
    return true;
  }

  /** A client that ended before its body did: the request is incomplete and must not look otherwise. */
  private isAlive(client: number): boolean {
    if ((this.p.table.flags[client] & FLAG.EOF) === 0) return true;
    this.exchange.clientFailed(client, "CD");
    return false;
  }

  /** Forwards body bytes of [start, end). Answers where the rest begins; negative: bad framing. */
  private forward(client: number, server: number, start: number, end: number): number {
    const { p } = this;
    const t = p.table;
    if (t.body[client] === BODY.LENGTH) {
      const take = Math.min(end - start, t.bodyLeft[client]);
      t.bodyLeft[client] -= take;
      t.receivedBytes[client] += take;
      if (t.bodyLeft[client] === 0) t.flags[client] |= FLAG.REQUEST_DONE;
      p.deliver(server, start, take);
      return start + take;
    }
    const next = this.decoder.feed(client, p.bytes, start, end, chunkedOutput.chunks);
    if (next < 0) return next;
    const { outEnd, done, owesLastChunk } = this.decoder;
    t.receivedBytes[client] += next - start;
    if (outEnd > start) p.deliver(server, start, outEnd - start);
    if (owesLastChunk && (t.flags[server] & FLAG.BROKEN) === 0) {
      p.bytes.set(LAST_CHUNK, WRITE_AT);
      p.deliver(server, WRITE_AT, LAST_CHUNK.length);
    }
    if (done) t.flags[client] |= FLAG.REQUEST_DONE;
    return next;
  }

  private keepRest(client: number, block: number, next: number, end: number): void {
    const { p } = this;
    const t = p.table;
    if (next === end) {
      if (block < 0) return;
      p.arena.release(block);
      t.inBlock[client] = NONE;
      return;
    }
    if (block >= 0) {
      t.inStart[client] = next;
      return;
    }
    const fresh = p.arena.acquire();
    t.inBlock[client] = fresh;
    t.inStart[client] = fresh;
    t.inEnd[client] = fresh + end - next;
    p.bytes.copyWithin(fresh, next, end);
  }
}
