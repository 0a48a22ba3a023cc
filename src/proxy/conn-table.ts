/**
 * The connections of a worker, client and server side alike: one slot each, all state in typed-array columns.
 *
 * A collector that meets tens of thousands of live connection objects pauses for tens of milliseconds; columns cost it
 * nothing. References to long-lived objects (frontend, backend, server) stand in plain arrays beside the columns.
 * A session is its client's slot; `peer` joins the two sides.
 */
import { assert } from "../lib/result.ts";

/** What a slot is doing. Client side first. */
export const CONN = {
  FREE: 0,
  /** TLS client whose ClientHello has not been seen whole. */
  HELLO: 1,
  /** TLS handshake in Bun's hands. */
  HANDSHAKE: 2,
  /** Waits for a request head (idle when `inBlock` is empty and no byte came). */
  HEAD: 3,
  /** Waits in a backend's queue. */
  QUEUED: 4,
  /** Waits before it tries the same server again. */
  TURNAROUND: 5,
  /** Its server connection is being established. */
  CONNECT: 6,
  /** HTTP: request and response under way. */
  EXCHANGE: 7,
  /** Bytes pass in both directions unread: tcp mode, or after a 101. */
  TUNNEL: 8,
  /** Our own last bytes to the client are on their way; then it lingers. */
  ANSWER: 9,
  /** Write side shut; what the client still sends is thrown away so that a reset does not destroy our answer. */
  LINGER: 10,
  /** Server side. */
  CONNECTING: 11,
  ACTIVE: 12,
  IDLE: 13,
} as const;

/** Bits of `flags`. */
export const FLAG = {
  /** The kernel may hold bytes (or an end) that we have not read. */
  READABLE: 1 << 0,
  /** A write met a full socket: EPOLLOUT will come. */
  BLOCKED: 1 << 1,
  /** The peer's FIN was reported with an event; it is behind the bytes that are still to be read. */
  RDHUP: 1 << 2,
  /** End of stream was read. */
  EOF: 1 << 3,
  /** We sent our FIN. */
  SHUT: 1 << 4,
  /** HTTP, client: a request was answered before, and the connection was kept. */
  KEPT: 1 << 5,
  TLS: 1 << 6,
  /** The socket failed (reset): nothing can be read or written. */
  BROKEN: 1 << 7,
  /** Server connection that carried a request before. */
  REUSED: 1 << 8,
  /** Stands on the ready list. */
  READY: 1 << 10,
  /** Counted in the shared gauge of its server. */
  COUNTED: 1 << 11,
  /** HTTP, client: the connection ends after this response. */
  CLOSE_AFTER: 1 << 12,
  /** HTTP, client: the request's body has been read to its end. */
  REQUEST_DONE: 1 << 13,
  /** HTTP, client: a response byte went out (no other answer can be given). */
  ANSWERED: 1 << 14,
  /** HTTP, client: the request came as HTTP/1.0. */
  HTTP10: 1 << 15,
  /** HTTP, client: the method may be repeated (RFC 9110 9.2.2). */
  IDEMPOTENT: 1 << 16,
  /** HTTP, client: the client offered an upgrade. */
  UPGRADE: 1 << 17,
  /** HTTP, server: the connection may serve another request after this response. */
  KEEP: 1 << 18,
  /** The session went to another server than the first one. */
  REDISPATCHED: 1 << 20,
  /** HTTP, server: the response's final head has been forwarded. */
  RESPONDING: 1 << 21,
  /** HTTP, server: chunked response goes to a client that cannot read chunks. */
  DECHUNK: 1 << 22,
  /** Counted in its frontend's and the appliance's connection gauges. */
  ADMITTED: 1 << 23,
  /** HTTP, client: a byte of the request head has arrived. */
  HEAD_BEGUN: 1 << 24,
  /** HTTP, client: part of the request left with bytes that we no longer hold. */
  UNREPEATABLE: 1 << 25,
  /** HTTP, client: the server was chosen and its gauges were raised. */
  ASSIGNED: 1 << 26,
  /** Client: waited in a queue; `serverQueue` and `backendQueue` hold how far back. */
  QUEUED_ONCE: 1 << 27,
  /** Client: some of its bytes are in the counters already (`countedReceivedBytes`, `countedSentBytes`). */
  PARTLY_COUNTED: 1 << 28,
} as const;

/** Framing of a body under way. */
export const BODY = { NONE: 0, LENGTH: 1, CHUNKED: 2, UNTIL_CLOSE: 3 } as const;

export const NONE = -1;

/** INET6_ADDRSTRLEN without the final zero. */
export const PEER_TEXT_BYTES = 45;

export class ConnTable {
  readonly capacity: number;
  readonly state: Uint8Array;
  readonly flags: Int32Array;
  readonly fd: Int32Array;
  /** Goes up with every use of the slot; 24 bits, as the event carries. */
  readonly generation: Int32Array;
  readonly peer: Int32Array;
  /** Received, not consumed: arena offsets. */
  readonly inBlock: Int32Array;
  readonly inStart: Int32Array;
  readonly inEnd: Int32Array;
  /** To be sent to this connection: arena offsets. */
  readonly outBlock: Int32Array;
  readonly outStart: Int32Array;
  readonly outEnd: Int32Array;
  /** Pipe in use for bytes received here, and how many it holds. */
  readonly pipe: Int32Array;
  readonly pipeBytes: Int32Array;
  /** 1: the pipe moved bytes since the last sweep. */
  readonly pipeMoved: Uint8Array;
  /** Framing of the message that is being received here. */
  readonly body: Uint8Array;
  readonly bodyLeft: Float64Array;

  // Client slots only: the session.
  /** The request as it is forwarded, kept until the first response byte so that it can be sent again. */
  readonly requestBlock: Int32Array;
  readonly requestSent: Int32Array;
  readonly requestEnd: Int32Array;
  /** Bytes of an unfinished head that the parser has seen (`MessageHead.scannedBytes`). Server slots use it too. */
  readonly scannedBytes: Int32Array;
  readonly retriesLeft: Int32Array;
  readonly serverIndex: Int32Array;
  readonly queueNext: Int32Array;
  readonly queuePrevious: Int32Array;
  /** How many had left its queue when the session entered it. */
  readonly queueEntry: Int32Array;
  /** HAProxy's srv_queue and backend_queue: places in the queues that it went through. Valid with QUEUED_ONCE. */
  readonly serverQueue: Int32Array;
  readonly backendQueue: Int32Array;
  readonly method: Uint8Array;
  readonly status: Int32Array;
  readonly peerFamily: Uint8Array;
  readonly peerPort: Uint16Array;
  /** 16 bytes a slot; IPv4 in the first four. */
  readonly peerAddress: Uint8Array;
  /** The address as text, PEER_TEXT_BYTES a slot, and its length. */
  readonly peerText: Uint8Array;
  readonly peerTextLength: Uint8Array;
  readonly receivedBytes: Float64Array;
  readonly sentBytes: Float64Array;
  /** What of them a long session has been counted for. Valid with PARTLY_COUNTED. */
  readonly countedReceivedBytes: Float64Array;
  readonly countedSentBytes: Float64Array;
  /** Instants on the monotonic clock, -1 when not reached: accept or request start, head complete, server assigned,
   * connected, response head. */
  readonly startedAt: Float64Array;
  readonly headAt: Float64Array;
  readonly assignedAt: Float64Array;
  readonly connectedAt: Float64Array;
  readonly respondedAt: Float64Array;
  /** While it lingers: bytes that the client's kernel has acknowledged, and since when it has not been more. */
  readonly ackedBytes: Float64Array;
  readonly ackedAt: Float64Array;

  private readonly free: Int32Array;
  private freeCount: number;
  /** Slots taken so far. */
  taken = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
    const ints = (): Int32Array => new Int32Array(capacity);
    const floats = (): Float64Array => new Float64Array(capacity);
    this.state = new Uint8Array(capacity);
    this.flags = ints();
    this.fd = ints();
    this.generation = ints();
    this.peer = ints();
    this.inBlock = ints();
    this.inStart = ints();
    this.inEnd = ints();
    this.outBlock = ints();
    this.outStart = ints();
    this.outEnd = ints();
    this.pipe = ints();
    this.pipeBytes = ints();
    this.pipeMoved = new Uint8Array(capacity);
    this.body = new Uint8Array(capacity);
    this.bodyLeft = floats();
    this.requestBlock = ints();
    this.requestSent = ints();
    this.requestEnd = ints();
    this.scannedBytes = ints();
    this.retriesLeft = ints();
    this.serverIndex = ints();
    this.queueNext = ints();
    this.queuePrevious = ints();
    this.queueEntry = ints();
    this.serverQueue = ints();
    this.backendQueue = ints();
    this.method = new Uint8Array(capacity);
    this.status = ints();
    this.peerFamily = new Uint8Array(capacity);
    this.peerPort = new Uint16Array(capacity);
    this.peerAddress = new Uint8Array(capacity * 16);
    this.peerText = new Uint8Array(capacity * PEER_TEXT_BYTES);
    this.peerTextLength = new Uint8Array(capacity);
    this.receivedBytes = floats();
    this.sentBytes = floats();
    this.countedReceivedBytes = floats();
    this.countedSentBytes = floats();
    this.startedAt = floats();
    this.headAt = floats();
    this.assignedAt = floats();
    this.connectedAt = floats();
    this.respondedAt = floats();
    this.ackedBytes = floats();
    this.ackedAt = floats();
    this.free = Int32Array.from({ length: capacity }, (_, i) => capacity - 1 - i);
    this.freeCount = capacity;
  }

  get used(): number {
    return this.capacity - this.freeCount;
  }

  /** A clean slot for `fd`, or -1 when the table is full. */
  take(fd: number, state: number): number {
    if (this.freeCount === 0) return NONE;
    const slot = this.free[--this.freeCount]!;
    this.taken++;
    this.state[slot] = state;
    this.flags[slot] = 0;
    this.fd[slot] = fd;
    this.peer[slot] = NONE;
    this.inBlock[slot] = NONE;
    this.outBlock[slot] = NONE;
    this.pipe[slot] = NONE;
    this.pipeBytes[slot] = 0;
    this.body[slot] = BODY.NONE;
    this.requestBlock[slot] = NONE;
    this.scannedBytes[slot] = 0;
    this.serverIndex[slot] = NONE;
    this.queueNext[slot] = NONE;
    this.queuePrevious[slot] = NONE;
    return slot;
  }

  /** The slot's blocks, pipe, decoder and descriptor were given back before. Late events no longer match. */
  release(slot: number): void {
    // A text with the slot in it would be built for every connection.
    assert(this.state[slot] !== CONN.FREE, "connection table: a slot was freed twice");
    this.state[slot] = CONN.FREE;
    this.generation[slot] = (this.generation[slot]! + 1) & 0xffffff;
    this.free[this.freeCount++] = slot;
  }
}
