/** What others may ask of the node's rtnetlink: the shell behind it is `shell/route-socket.ts`, tests have their own. */
import type { RouteRequest, RuleRequest } from "./codec-forward.ts";
import type { AddressRequest, MacvlanRequest } from "./codec-route.ts";
import type { NodeView } from "./node-view.ts";

/** `errno` is 0 or the positive number with which the kernel refused; `text` says it in words. */
export interface AddressResult {
  readonly request: AddressRequest;
  readonly errno: number;
  readonly text: string;
}

export type ForwardRequest =
  { readonly what: "route"; readonly route: RouteRequest } | { readonly what: "rule"; readonly rule: RuleRequest };

export type LinkOrder =
  | { readonly kind: "add_macvlan"; readonly macvlan: MacvlanRequest }
  /** A pair of interfaces: what goes out of one comes in on the other. */
  | { readonly kind: "add_veth"; readonly name: string; readonly peer: string }
  | { readonly kind: "up"; readonly index: number; readonly alias: string }
  | { readonly kind: "delete"; readonly index: number };

export interface RoutePort {
  readonly view: NodeView;
  /** Sets or removes routes and rules: for each 0, or the positive errno of the kernel's refusal. */
  changeForwarding(operation: "add" | "remove", requests: readonly ForwardRequest[]): readonly number[];
  /** Whether removals of our routes and rules by others are to be told, as the change `forwarding_gone`. */
  watchForwarding(wanted: boolean): void;
  /** Makes, raises or removes an interface: 0, or the positive errno of the kernel's refusal. */
  changeLink(order: LinkOrder): number;
  /** Sets (idempotent) or removes addresses; results in the order of the requests. */
  change(operation: "add" | "remove", requests: readonly AddressRequest[]): readonly AddressResult[];
  /** Takes in every notification that waits. */
  drain(): void;
}
