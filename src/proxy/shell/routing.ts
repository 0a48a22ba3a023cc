/** Rules of a frontend run over a connection (tcp) or a request (http): fills the context, answers the backend. */
import type { MessageHead } from "../../http/head.ts";
import { addressBytes } from "../../net/address.ts";
import { localAddress } from "../../sys/socket.ts";
import { FLAG } from "../conn-table.ts";
import { EMPTY_HEAD, type RequestContext, writeAddress } from "../request-context.ts";
import { FINAL, type Outcome } from "../rules.ts";
import type { Plane } from "./plane.ts";
import type { BackendRuntime, FrontendRuntime } from "./runtime.ts";

/** Puts the connection's facts into the context. */
export function describeClient(p: Plane, client: number, context: RequestContext, needsDestination: boolean): void {
  const t = p.table;
  const at = client * 16;
  const isV6 = t.peerFamily[client] === 6;
  context.clientIsTls = (t.flags[client] & FLAG.TLS) !== 0;
  context.sourceFamily = isV6 ? 6 : 4;
  context.sourcePort = t.peerPort[client];
  writeAddress(context.source, t.peerAddress, at, isV6 ? 16 : 4);
  if (!needsDestination) return;
  const local = localAddress(t.fd[client]);
  context.destinationPort = local?.port ?? 0;
  context.destinationFamily = local?.family ?? 4;
  const bytes = local === null ? new Uint8Array(4) : addressBytes(local.host);
  writeAddress(context.destination, bytes, 0, bytes.length);
}

/** The backend of a tcp connection, or null: refused. */
export function routeTcp(
  p: Plane,
  client: number,
  frontend: FrontendRuntime,
  context: RequestContext,
  outcome: Outcome,
): BackendRuntime | null {
  if (frontend.rules === null) return frontend.defaultBackend;
  context.buf = p.bytes;
  context.head = EMPTY_HEAD;
  describeClient(p, client, context, frontend.rules.needsDestination);
  outcome.clear();
  frontend.rules.evaluate(context, outcome);
  if (outcome.final === FINAL.deny || outcome.final === FINAL.redirect) return null;
  if (outcome.final === FINAL.useBackend) return frontend.generation.backends[outcome.backend] ?? null;
  return frontend.defaultBackend;
}

/** Runs the frontend's and then the chosen backend's rules over a request; the backend, or null when there is none. */
export function routeHttp(
  p: Plane,
  client: number,
  frontend: FrontendRuntime,
  head: MessageHead,
  context: RequestContext,
  outcome: Outcome,
): BackendRuntime | null {
  let backend = frontend.defaultBackend;
  outcome.clear();
  if (frontend.rules === null && (backend === null || backend.rules === null)) return backend;
  context.buf = p.bytes;
  context.head = head;
  describeClient(p, client, context, frontend.rules?.needsDestination === true);
  frontend.rules?.evaluate(context, outcome);
  if (outcome.final === FINAL.deny || outcome.final === FINAL.redirect) return backend;
  if (outcome.final === FINAL.useBackend) backend = frontend.generation.backends[outcome.backend] ?? null;
  if (backend === null || backend.rules === null) return backend;
  if (backend.rules.needsDestination) describeClient(p, client, context, true);
  backend.rules.evaluate(context, outcome);
  return backend;
}
