/** Rules of a frontend run over a connection (tcp) or a request (http): fills the context, answers the backend. */
import type { MessageHead } from "../../http/head.ts";
import { AF } from "../../sys/abi.ts";
import { readLocalAddress } from "../../sys/socket.ts";
import { sockaddrScratch } from "../../sys/sockaddr.ts";
import { FLAG } from "../conn-table.ts";
import { EMPTY_HEAD, type RequestContext, writeAddress } from "../request-context.ts";
import { FINAL, type Outcome } from "../rules.ts";
import type { Plane } from "./plane.ts";
import type { BackendRuntime, FrontendRuntime } from "./runtime.ts";

/** struct sockaddr_in and sockaddr_in6 (netinet/in.h). */
const SIN_ADDR = 4;
const SIN6_ADDR = 8;

/** Puts the connection's facts into the context. A Unix socket has the addresses :: and port 0. */
export function describeClient(p: Plane, client: number, context: RequestContext, needsDestination: boolean): void {
  const t = p.table;
  const at = client * 16;
  const isV6 = t.peerFamily[client] === 6;
  context.clientIsTls = (t.flags[client] & FLAG.TLS) !== 0;
  context.sourceFamily = isV6 ? 6 : 4;
  context.sourcePort = t.peerPort[client];
  if (t.peerFamily[client] === 0) context.source.fill(0);
  else writeAddress(context.source, t.peerAddress, at, isV6 ? 16 : 4);
  if (!needsDestination) return;
  const { bytes } = sockaddrScratch;
  const family = readLocalAddress(t.fd[client]);
  if (family === AF.INET) writeAddress(context.destination, bytes, SIN_ADDR, 4);
  else if (family === AF.INET6) writeAddress(context.destination, bytes, SIN6_ADDR, 16);
  else context.destination.fill(0);
  const isInet = family === AF.INET || family === AF.INET6;
  context.destinationFamily = family === AF.INET6 ? 6 : 4;
  context.destinationPort = isInet ? (bytes[2] << 8) | bytes[3] : 0;
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
