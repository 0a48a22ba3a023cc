/**
 * The servers of one backend as columns: what the balancer reads for every session.
 * Weights and usability change through `set`, so that balancers notice; `served` and `full` are the engine's to write.
 */
import { assert } from "../lib/result.ts";

/** Balancers walk the columns for each pick; up to here that costs less than a system call. */
export const SERVERS_MAX = 256;
/** haproxy: weight 0–256. */
export const WEIGHT_MAX = 256;

export class ServerTable {
  readonly count: number;
  /** 0–256; 0 drains: no new sessions. Read only, see `set`. */
  readonly weight: Uint16Array;
  /** 1: may get new sessions (up or unchecked, and ready). Read only, see `set`. */
  readonly usable: Uint8Array;
  /** 1: serves only while no other server is usable. */
  readonly backup: Uint8Array;
  /** Requests (http) or connections (tcp) in flight here. */
  readonly served: Int32Array;
  /** The same in the other workers, as of a moment ago: maintained for leastconn only. */
  readonly servedElsewhere: Int32Array;
  /** 1: at its maxconn; balancers that can choose pass it by. */
  readonly full: Uint8Array;
  /** Grows with every change of weight or usability. */
  version = 1;
  private countedVersion = 0;
  private counted = 0;

  constructor(count: number) {
    assert(count <= SERVERS_MAX, `server table: ${count} servers, at most ${SERVERS_MAX} in a backend`);
    this.count = count;
    this.weight = new Uint16Array(count).fill(1);
    this.usable = new Uint8Array(count).fill(1);
    this.backup = new Uint8Array(count);
    this.served = new Int32Array(count);
    this.servedElsewhere = new Int32Array(count);
    this.full = new Uint8Array(count);
  }

  set(index: number, weight: number, usable: boolean): void {
    assert(index >= 0 && index < this.count, `server table: no server ${index}`);
    assert(weight >= 0 && weight <= WEIGHT_MAX, `server table: weight ${weight} is outside 0–${WEIGHT_MAX}`);
    const flag = usable ? 1 : 0;
    if (this.weight[index] === weight && this.usable[index] === flag) return;
    this.weight[index] = weight;
    this.usable[index] = flag;
    this.version++;
  }

  /** May get a session now, its maxconn aside. */
  eligible(index: number): boolean {
    return this.usable[index] === 1 && this.weight[index] > 0;
  }

  /** haproxy's nbsrv: usable active servers; 1 while only a backup serves; 0 when nobody does. */
  usableServers(): number {
    if (this.countedVersion !== this.version) {
      let active = 0;
      let spare = 0;
      for (let i = 0; i < this.count; i++) {
        if (!this.eligible(i)) continue;
        if (this.backup[i] === 0) active++;
        else spare = 1;
      }
      this.counted = active > 0 ? active : spare;
      this.countedVersion = this.version;
    }
    return this.counted;
  }
}
