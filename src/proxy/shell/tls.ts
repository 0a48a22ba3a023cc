/**
 * TLS on descriptors that we accepted ourselves. The one file that knows how; test/net/proxy/tls.test.ts is its
 * conformance test and has to pass with every new Bun.
 *
 *   accept4 (ours: limits, no spinning) ─► MSG_PEEK until the ClientHello is whole (name → certificate)
 *     ─► Bun.connect({ fd }) with inert handlers ─► upgradeTLS({ isServer, secureContext }) ─► session
 *
 * `isServer` and `secureContext` are not in Bun's type declarations. Closing is shutdown(): Bun sends what it still
 * holds, close_notify and FIN, and closes when both sides have ended. A client that does not follow is left to the
 * kernel, which delivers the rest; terminate() and close() throw it away with a reset, and end() never gives up the
 * descriptor of a client that stays. The handshake has a timer of ours; Bun has none.
 */
import type { Socket } from "bun";
import { decodeClientHello } from "../../net/client-hello.ts";
import { frontendCounters } from "../../stats/layout.ts";
import { MSG, SOL, TCP } from "../../sys/abi.ts";
import { monoNow } from "../../sys/clock.ts";
import { E } from "../../sys/errno.ts";
import { close, duplicate, recv, setOption, setResetOnClose } from "../../sys/socket.ts";
import { type Delivery, deliveryOf } from "../../sys/tcp-delivery.ts";
import { CONN, FLAG } from "../conn-table.ts";
import { READ_AT } from "./arena.ts";
import type { TlsListener } from "./certificates.ts";
import type { Plane, TlsConnection } from "./plane.ts";
import type { Sessions } from "./sessions.ts";

const PEEK_BYTES = 20 * 1024;
/** Decrypted bytes that may wait for the session before the socket is paused. */
const PENDING_BYTES_MAX = 64 * 1024;
/** How long a client may take to follow our close, and how often one is looked at that does not take its last bytes. */
const CLOSE_MS = 2000;

/** upgradeTLS as it is used here. */
interface Upgradable {
  upgradeTLS(options: {
    readonly isServer: true;
    readonly tls: { readonly secureContext: unknown; readonly ALPNProtocols?: Buffer };
    readonly data: undefined;
    readonly socket: TlsHandlers;
  }): readonly [raw: Socket, secure: Socket];
}

interface TlsHandlers {
  open(): void;
  handshake(socket: Socket, success: boolean): void;
  data(socket: Socket, bytes: Uint8Array): void;
  drain(): void;
  end(): void;
  close(): void;
  error(): void;
}

const inert = {
  open: (): void => undefined,
  data: (): void => undefined,
  drain: (): void => undefined,
  end: (): void => undefined,
  close: (): void => undefined,
  error: (): void => undefined,
};

export class TlsAcceptor {
  private readonly p: Plane;
  private readonly open: (client: number) => void;
  private readonly ready: (client: number) => void;
  private readonly listenerOf = new Map<number, TlsListener>();

  /** `open`: the handshake is done. `ready`: the client's flags changed. */
  constructor(p: Plane, open: (client: number) => void, ready: (client: number) => void) {
    this.p = p;
    this.open = open;
    this.ready = ready;
  }

  /** An accepted connection, registered edge-triggered, in state HELLO. */
  begin(client: number, listener: TlsListener, handshakeMs: number): void {
    this.listenerOf.set(client, listener);
    this.p.setTimer(client, handshakeMs);
  }

  onReadable(client: number, sessions: Sessions): void {
    const { p } = this;
    const t = p.table;
    const listener = this.listenerOf.get(client);
    if (t.state[client] !== CONN.HELLO || listener === undefined) return;
    const peeked = recv(t.fd[client], p.base + READ_AT, PEEK_BYTES, MSG.PEEK | MSG.DONTWAIT);
    if (peeked === -E.AGAIN) return;
    if (peeked <= 0) return this.refuse(client, sessions, peeked < 0);
    const hello = decodeClientHello(p.bytes, READ_AT, READ_AT + peeked);
    if (hello.kind === "incomplete") {
      if (t.flags[client] & FLAG.RDHUP) this.refuse(client, sessions, true);
      return;
    }
    if (hello.kind === "invalid") return this.refuse(client, sessions, true);
    this.listenerOf.delete(client);
    void this.handshake(client, listener, hello.serverName, sessions);
  }

  timeout(client: number, sessions: Sessions): void {
    this.refuse(client, sessions, true);
  }

  /** Ends a connection without a session; one that ended without a byte is a port probe and no error. */
  private refuse(client: number, sessions: Sessions, isError: boolean): void {
    const { p } = this;
    this.listenerOf.delete(client);
    if (isError) p.memory.own[p.frontendOf[client].counters + frontendCounters.tlsErrors]++;
    sessions.dropClient(client, true);
  }

  private async handshake(
    client: number,
    listener: TlsListener,
    serverName: string | null,
    sessions: Sessions,
  ): Promise<void> {
    const { p } = this;
    const t = p.table;
    p.loop.unregister(t.fd[client]);
    p.loop.yieldToBun();
    t.state[client] = CONN.HANDSHAKE;
    t.flags[client] = (t.flags[client] & FLAG.ADMITTED) | FLAG.TLS;
    const connection = new TlsSocket(p, client, this.ready, (success) => {
      if (!success) return this.refuse(client, sessions, true);
      p.memory.own[p.frontendOf[client].counters + frontendCounters.tlsHandshakes]++;
      // The session tickets travel with our first write: a client with Nagle on waits for this acknowledgement.
      setOption(t.fd[client], SOL.TCP, TCP.QUICKACK, 1);
      this.open(client);
    });
    p.tlsOf[client] = connection;
    try {
      const socket = await Bun.connect({ fd: t.fd[client], allowHalfOpen: true, socket: inert } as never);
      connection.upgrade(socket as unknown as Upgradable, listener, serverName);
    } catch {
      // The client was gone before its handshake began: what a refused handshake is.
      if (connection.isCurrent) this.refuse(client, sessions, true);
    }
  }
}

class TlsSocket implements TlsConnection {
  private readonly p: Plane;
  private readonly client: number;
  private readonly fd: number;
  private readonly generation: number;
  private readonly ready: (client: number) => void;
  private readonly settled: (success: boolean) => void;
  private secure: Socket | null = null;
  /** Decrypted, not read by the session yet. */
  private pending: Uint8Array[] = [];
  private pendingAt = 0;
  private pendingBytes = 0;
  private paused = false;
  private ended = false;
  private failed = false;
  private dropped = false;
  private closed = false;
  private isShut = false;
  /** Bun calls back from inside a call of ours: the session, which is in the middle of something, looks later. */
  private isCalling = false;

  constructor(p: Plane, client: number, ready: (client: number) => void, settled: (success: boolean) => void) {
    this.p = p;
    this.client = client;
    this.fd = p.table.fd[client];
    this.generation = p.table.generation[client];
    this.ready = ready;
    this.settled = settled;
  }

  get isCurrent(): boolean {
    return !this.dropped && this.p.table.generation[this.client] === this.generation;
  }

  upgrade(socket: Upgradable, listener: TlsListener, serverName: string | null): void {
    const { alpn } = listener;
    const [, secure] = socket.upgradeTLS({
      isServer: true,
      tls: { secureContext: listener.choose(serverName), ...(alpn.length > 0 ? { ALPNProtocols: alpn } : {}) },
      data: undefined,
      socket: {
        open: () => undefined,
        handshake: (_, success) => {
          if (this.isCurrent && this.p.table.state[this.client] === CONN.HANDSHAKE)
            this.enter(() => this.settled(success));
        },
        data: (_, bytes) => this.onData(bytes),
        drain: () => this.wake(0),
        end: () => this.onEnd(false),
        close: () => {
          this.closed = true;
          this.onEnd(true);
        },
        error: () => this.onEnd(true),
      },
    });
    this.secure = secure;
    if (this.dropped) secure.terminate();
  }

  /** Callbacks of Bun come outside our loop's turn: its clock stands at the last turn. */
  private enter(run: () => void): void {
    this.p.loop.now = monoNow();
    run();
  }

  private onData(bytes: Uint8Array): void {
    if (this.dropped) return;
    this.pending.push(bytes);
    this.pendingBytes += bytes.length;
    this.wake(FLAG.READABLE);
    if (!this.dropped && this.pendingBytes > PENDING_BYTES_MAX && !this.paused) {
      this.paused = true;
      this.secure?.pause();
    }
  }

  private onEnd(failed: boolean): void {
    if (this.dropped) return;
    this.ended = true;
    if (failed) this.failed = true;
    this.wake(FLAG.READABLE | FLAG.RDHUP | (failed ? FLAG.BROKEN : 0));
  }

  /** Sets flags of the slot and lets the session look, once the handshake is done. */
  private wake(flags: number): void {
    if (!this.isCurrent) return;
    const t = this.p.table;
    t.flags[this.client] = (t.flags[this.client] & ~FLAG.BLOCKED) | flags;
    if (t.state[this.client] === CONN.HANDSHAKE) {
      if (this.ended) this.enter(() => this.settled(false));
      return;
    }
    if (this.isCalling) return this.p.markReady(this.client);
    this.enter(() => this.ready(this.client));
  }

  read(bytes: Uint8Array, start: number, length: number): number {
    const first = this.pending[0];
    if (first === undefined) return this.ended ? (this.failed ? -E.CONNRESET : 0) : -E.AGAIN;
    const take = Math.min(length, first.length - this.pendingAt);
    bytes.set(
      this.pendingAt === 0 && take === first.length ? first : first.subarray(this.pendingAt, this.pendingAt + take),
      start,
    );
    this.pendingAt += take;
    this.pendingBytes -= take;
    if (this.pendingAt === first.length) {
      this.pending.shift();
      this.pendingAt = 0;
    }
    if (this.paused && this.pendingBytes === 0) {
      this.paused = false;
      this.secure?.resume();
      this.p.loop.yieldToBun();
    }
    return take;
  }

  write(bytes: Uint8Array, start: number, end: number): number {
    if (this.secure === null || this.failed || this.closed) return -E.PIPE;
    const written = this.secure.write(bytes, start, end - start);
    return written < 0 ? -E.PIPE : written;
  }

  shutdown(): void {
    if (this.isShut) return;
    this.isShut = true;
    this.isCalling = true;
    this.secure?.shutdown();
    this.isCalling = false;
  }

  delivery(): Delivery {
    // Bun closes it only after both ends; the descriptor may be another connection's by now.
    return this.closed ? { isQueued: true, isComplete: true, ackedBytes: 0 } : deliveryOf(this.fd);
  }

  close(abort: boolean): void {
    this.dropped = true;
    const { secure } = this;
    this.pending = [];
    if (secure === null || this.closed) return;
    if (abort) {
      secure.terminate();
      return;
    }
    this.shutdown();
    if (this.paused) secure.resume();
    this.awaitClose(secure, this.p.frontendOf[this.client].config.timeouts.clientMs, -1, 0);
  }

  /** Until the client has followed; or Bun has given everything to the kernel, or can no longer for `stallMaxMs`. */
  private awaitClose(secure: Socket, stallMaxMs: number, ackedBefore: number, stalledMs: number): void {
    this.p.loop.after(CLOSE_MS, () => {
      if (this.closed) return;
      const { isQueued, ackedBytes } = deliveryOf(this.fd);
      if (isQueued && this.leaveToKernel(secure)) return;
      const stalledNowMs = ackedBytes === ackedBefore ? stalledMs + CLOSE_MS : 0;
      if (stalledNowMs >= stallMaxMs) secure.terminate();
      else this.awaitClose(secure, stallMaxMs, ackedBytes, stalledNowMs);
    });
  }

  /** The descriptor is closed as any other; Bun knows only the reset. False when descriptors have run out. */
  private leaveToKernel(secure: Socket): boolean {
    const copy = duplicate(this.fd);
    if (copy < 0) return false;
    secure.terminate();
    setResetOnClose(copy, false);
    close(copy);
    return true;
  }
}
