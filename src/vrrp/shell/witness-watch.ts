/**
 * Asks witnesses whether they hear us: ICMP echo, one socket a family for all of them. Routing decides which interface
 * and source address a question leaves with; a witness belongs on the network that the virtual addresses are for.
 *
 * An answer counts when it comes from the witness's own address with our identifier, the number of a question of the
 * last three intervals and the witness's secret token: whoever does not see our questions cannot forge one.
 */
import type { TrackConfig } from "../../config/types-vrrp.ts";
import { formatDurationMs } from "../../lib/units.ts";
import { later, type MonoMs } from "../../lib/time.ts";
import { addressBytes, sameAddress } from "../../net/address.ts";
import { decodeEchoReply, encodeEchoRequest } from "../../net/icmp.ts";
import { EPOLL } from "../../sys/abi.ts";
import { E, errnoText, SysError } from "../../sys/errno.ts";
import { openEchoSocket } from "../../sys/icmp-socket.ts";
import type { LoopTimer, Watch } from "../../sys/loop.ts";
import { pinned } from "../../sys/memory.ts";
import { close, lastPeer, recvfrom, sendto } from "../../sys/socket.ts";
import { answered, firstWitness, nextQuestion, WITNESS_INTERVALS, type WitnessVerdict } from "../witness-track.ts";
import type { WatchPorts } from "./watch-ports.ts";

export type WitnessTrack = Extract<TrackConfig, { kind: "witness" }>;

/** Guessing it takes longer than any outage. */
const TOKEN_BYTES = 16;
/** Replies to other programs' pings come here, too; what is longer than ours is cut and refused. */
const RECEIVE_BYTES = 256;
/** Answers taken at once: in a flood the rest waits for the next turn, behind the adverts. */
const ANSWERS_PER_DRAIN = 64;
/** While a neighbour is being resolved the kernel holds our questions to it: a dead witness must not block the others. */
const SEND_BUFFER_BYTES = 1024 * 1024;
/** Spreads any number of witnesses evenly over their intervals (golden ratio). */
const PHASE_STEP = 0.618;

interface Witness {
  readonly track: WitnessTrack;
  readonly family: 4 | 6;
  readonly address: Uint8Array;
  readonly token: Uint8Array;
  verdict: WitnessVerdict;
  dueAt: MonoMs;
  timer: LoopTimer;
  /** Why the last question could not be sent; null: it was. */
  refusal: string | null;
}

interface EchoSocket {
  readonly fd: number;
  readonly watch: Watch;
}

export class WitnessWatch {
  private readonly ports: WatchPorts;
  private readonly witnesses = new Map<string, Witness>();
  private readonly sockets = new Map<4 | 6, EchoSocket>();
  private readonly identifier = crypto.getRandomValues(new Uint16Array(1))[0];
  private readonly incoming = pinned(RECEIVE_BYTES);
  private readonly outgoing = pinned(RECEIVE_BYTES);
  private begun = 0;

  constructor(ports: WatchPorts) {
    this.ports = ports;
  }

  /** Asks exactly these. Instances that name the same witness and interval share its questions. */
  follow(tracks: readonly WitnessTrack[]): void {
    const wanted = new Map(tracks.map((track) => [witnessKey(track), track]));
    for (const [key, witness] of this.witnesses) {
      if (wanted.has(key)) continue;
      witness.timer.cancel();
      this.witnesses.delete(key);
    }
    for (const [key, track] of wanted) if (!this.witnesses.has(key)) this.witnesses.set(key, this.begin(track));
    for (const family of [4, 6] as const) {
      if (![...this.witnesses.values()].some((witness) => witness.family === family)) this.closeSocket(family);
    }
  }

  isKnown(track: WitnessTrack): boolean {
    return this.witnesses.get(witnessKey(track))?.verdict.known === true;
  }

  /** A witness that a reload brought to a running instance: nobody falls before it had the time to answer. */
  isWell(track: WitnessTrack): boolean {
    const verdict = this.witnesses.get(witnessKey(track))?.verdict;
    return verdict === undefined || !verdict.known || verdict.well;
  }

  stop(): void {
    this.follow([]);
  }

  private begin(track: WitnessTrack): Witness {
    const address = addressBytes(track.address);
    const phase = (this.begun++ * PHASE_STEP) % 1;
    const dueAt = later(this.ports.loop.now, phase * track.intervalMs);
    const witness: Witness = {
      track,
      family: address.length === 4 ? 4 : 6,
      address,
      token: crypto.getRandomValues(new Uint8Array(TOKEN_BYTES)),
      verdict: firstWitness(crypto.getRandomValues(new Uint16Array(1))[0]),
      dueAt,
      timer: this.ports.loop.at(dueAt, () => this.ask(witness)),
      refusal: null,
    };
    return witness;
  }

  private ask(witness: Witness): void {
    // Its answer may wait behind the timer: judged without it, a witness would be lost after a pause of ours.
    this.drain(witness.family);
    this.change(witness, nextQuestion(witness.verdict));
    witness.refusal = this.send(witness);
    const { loop } = this.ports;
    const next = later(witness.dueAt, witness.track.intervalMs);
    // After a pause of ours the beat begins anew: questions in a burst are answered or lost together.
    const isLate = next <= loop.now;
    witness.dueAt = isLate ? later(loop.now, witness.track.intervalMs) : next;
    witness.timer = loop.at(witness.dueAt, () => this.ask(witness));
    if (isLate) this.ports.paused();
  }

  /** Null: sent. What the kernel refuses is a question without an answer: the node cannot reach the witness. */
  private send(witness: Witness): string | null {
    const { family, track, token } = witness;
    const socket = this.socket(family);
    if (typeof socket === "string") return socket;
    const request = encodeEchoRequest(family, this.identifier, witness.verdict.sequence, token);
    this.outgoing.bytes.set(request);
    const target = { kind: "inet", family, host: track.address, port: 0 } as const;
    const sent = sendto(socket.fd, this.outgoing.address, request.length, 0, target);
    return sent < 0 ? errnoText(sent) : null;
  }

  private drain(family: 4 | 6): void {
    const socket = this.sockets.get(family);
    if (socket === undefined) return;
    for (let count = 0; count < ANSWERS_PER_DRAIN; count++) {
      const length = recvfrom(socket.fd, this.incoming.address, RECEIVE_BYTES, 0);
      if (length >= 0) this.take(family, length);
      // An error of an earlier question may wait here: reading it clears it.
      else if (length === -E.AGAIN) return;
    }
  }

  private take(family: 4 | 6, length: number): void {
    const reply = decodeEchoReply(family, this.incoming.bytes, length);
    if (!reply.ok || reply.value.identifier !== this.identifier) return;
    const peer = lastPeer();
    if (peer === null) return;
    const source = addressBytes(peer.host);
    const { data, sequence } = reply.value;
    for (const witness of this.witnesses.values()) {
      if (!sameAddress(witness.address, source) || !sameBytes(witness.token, data)) continue;
      return this.change(witness, answered(witness.verdict, sequence));
    }
  }

  private change(witness: Witness, verdict: WitnessVerdict): void {
    const before = witness.verdict;
    witness.verdict = verdict;
    if (verdict.known === before.known && verdict.well === before.well) return;
    const { address, intervalMs } = witness.track;
    if (verdict.well) this.ports.report("notice", address, `witness ${address} answers`);
    else {
      const silence = formatDurationMs(WITNESS_INTERVALS * intervalMs);
      const why = witness.refusal === null ? "" : `: ${witness.refusal}`;
      this.ports.report("warning", address, `witness ${address} is lost: no answer for ${silence}${why}`);
    }
    this.ports.changed();
  }

  /** Opened when it is first needed, and again at the next question when the kernel refuses; the text says why. */
  private socket(family: 4 | 6): EchoSocket | string {
    const known = this.sockets.get(family);
    if (known !== undefined) return known;
    try {
      const fd = openEchoSocket(family, SEND_BUFFER_BYTES);
      const socket = { fd, watch: this.ports.loop.watch(fd, EPOLL.IN, () => this.drain(family)) };
      this.sockets.set(family, socket);
      return socket;
    } catch (error) {
      if (error instanceof SysError) return error.message;
      throw error;
    }
  }

  private closeSocket(family: 4 | 6): void {
    const socket = this.sockets.get(family);
    if (socket === undefined) return;
    socket.watch.close();
    close(socket.fd);
    this.sockets.delete(family);
  }
}

function witnessKey({ address, intervalMs }: WitnessTrack): string {
  return `${address} ${intervalMs}`;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
