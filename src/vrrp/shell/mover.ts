/**
 * Addresses of several instances in one netlink batch: what they ask for while they are told something together (a group
 * that takes over, a node that stops) is put to the kernel at once, after the adverts of all have been sent.
 */
import type { AddressRequest } from "../../netlink/codec-route.ts";
import type { AddressResult, RoutePort } from "../../netlink/route-port.ts";

export interface Move {
  readonly operation: "add" | "remove";
  readonly requests: readonly AddressRequest[];
  /** Called once with the kernel's answers; what the instance does next waits for it. */
  readonly done: (results: readonly AddressResult[]) => void;
}

export class Mover {
  private readonly route: Pick<RoutePort, "change">;
  private waiting: Move[] = [];
  private depth = 0;

  constructor(route: Pick<RoutePort, "change">) {
    this.route = route;
  }

  /** At once, or with the others at the end of `gather`. */
  move(move: Move): void {
    if (this.depth > 0) this.waiting.push(move);
    else carryOut(this.route, [move]);
  }

  /** Everything that is moved in `run` goes together; what comes of that, at once. */
  gather(run: () => void): void {
    this.depth++;
    run();
    this.depth--;
    if (this.depth > 0) return;
    const moves = this.waiting;
    this.waiting = [];
    // An address that one instance gives up and another takes: never in the other order.
    carryOut(
      this.route,
      moves.filter(({ operation }) => operation === "remove"),
    );
    carryOut(
      this.route,
      moves.filter(({ operation }) => operation === "add"),
    );
  }
}

/** Moves of one kind. */
function carryOut(route: Pick<RoutePort, "change">, moves: readonly Move[]): void {
  if (moves.length === 0) return;
  const requests = moves.flatMap((move) => move.requests);
  const results = requests.length === 0 ? [] : route.change(moves[0].operation, requests);
  let at = 0;
  for (const move of moves) {
    const end = at + move.requests.length;
    move.done(results.slice(at, end));
    at = end;
  }
}
