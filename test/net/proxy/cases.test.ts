/** Every case of the HTTP/1 collection through a running proxy: verdict, and what reached the other side. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { type RunningProxy, startProxy } from "../../support/proxy-harness.ts";
import { connectRaw } from "../../support/raw-client.ts";
import { type RawServer, startRawServer } from "../../support/raw-server.ts";
import { waitFor } from "../../support/wait.ts";

interface Case {
  readonly id: string;
  readonly kind: "request" | "response";
  readonly raw: string;
  readonly expand?: boolean;
  readonly verdict: string;
  readonly also_ok?: readonly string[];
  readonly forward_contains?: readonly string[];
  readonly forward_excludes?: readonly string[];
  readonly request?: string;
  readonly upstream?: string;
  readonly close?: boolean;
  readonly half_close?: boolean;
}

const cases: readonly Case[] = await Bun.file(join(import.meta.dir, "../../golden/http/http1_cases.json")).json();
const DEFAULT_REQUEST = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const DEFAULT_RESPONSE = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
/** Every connection of this test ends by itself after so long. */
const QUIET_MS = 250;
const SERVER_MS = 500;
/** A machine that stands still for longer than these times looks like a peer that is silent: such a case is driven again. */
const TRIES_MAX = 3;

let server: RawServer;
let proxy: RunningProxy;
let answer: { readonly bytes: string; readonly close: boolean } = { bytes: DEFAULT_RESPONSE, close: false };

beforeAll(async () => {
  server = startRawServer((connection) => {
    connection.socket.write(Buffer.from(answer.bytes, "latin1"));
    if (answer.close) connection.socket.shutdown();
  });
  proxy = await startProxy({
    servers: [server.port],
    frontendTimeouts: { clientMs: QUIET_MS, httpRequestMs: QUIET_MS, httpKeepAliveMs: QUIET_MS, tunnelMs: QUIET_MS },
    backendTimeouts: { serverMs: SERVER_MS, tunnelMs: QUIET_MS },
  });
});

afterAll(async () => {
  await proxy.stop();
  server.stop();
});

function expanded(item: Case): Buffer {
  if (item.expand !== true) return Buffer.from(item.raw, "latin1");
  const text = item.raw.replace(/\{\{([^]*?)\*(\d+)\}\}/g, (_, part: string, count: string) =>
    part.repeat(Number(count)),
  );
  return Buffer.from(text, "latin1");
}

interface Seen {
  readonly client: string;
  readonly statuses: readonly number[];
  readonly requests: number;
  readonly forwarded: string;
  readonly reset: boolean;
}

async function drive(sent: Buffer, item: Case): Promise<Seen> {
  server.reset();
  const client = await connectRaw(proxy.port);
  client.send(sent);
  if (item.half_close === true) client.halfClose();
  await client.over;
  const received = client.received();
  client.close();
  return {
    client: received,
    statuses: [...received.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1])),
    requests: server.requests(),
    forwarded: server.received(),
    reset: client.failed(),
  };
}

function holds(verdict: string, item: Case, seen: Seen): boolean {
  const { statuses, requests } = seen;
  if (verdict.startsWith("reject")) {
    return statuses[0] === Number(verdict.slice(6)) && (item.kind === "response" || requests === 0);
  }
  switch (verdict) {
    case "forward":
      return item.kind === "request"
        ? requests === 1 && statuses[0] === 200
        : statuses.at(-1) !== 502 && statuses.length > 0;
    case "forward2":
    case "forward3":
      return requests === Number(verdict.slice(7)) && statuses.length === requests;
    case "forward-then-400":
      return requests === 1 && statuses[0] === 200 && statuses[1] === 400;
    case "abort":
      return !looksComplete(seen.client);
    case "abort-upstream":
      return requests === 0;
    case "not-5":
    case "wait":
      return requests === 0;
    case "tunnel":
      return statuses[0] === 101;
    case "timeout408":
      return statuses[0] === 408;
    case "close":
      return statuses.length === 0;
    default:
      throw new Error(`verdict ${verdict} of case ${item.id} is unknown to this test`);
  }
}

/** A chunked response with its last chunk, or one whose Content-Length is fulfilled. */
function looksComplete(text: string): boolean {
  const body = text.slice(text.indexOf("\r\n\r\n") + 4);
  if (/transfer-encoding: chunked/i.test(text)) return body.includes("0\r\n\r\n");
  const length = /content-length: (\d+)/i.exec(text);
  return length !== null && body.length >= Number(length[1]);
}

function contains(text: string, item: Case): void {
  const fold = (part: string): string => (item.id.startsWith("method-") ? part : part.toLowerCase());
  for (const wanted of item.forward_contains ?? []) expect(fold(text)).toContain(fold(wanted));
  for (const unwanted of item.forward_excludes ?? []) expect(fold(text)).not.toContain(fold(unwanted));
}

describe.each(["request", "response"] as const)("%s", (kind) => {
  const chosen = cases.filter((item) => item.kind === kind);
  test.each(chosen.map((item) => [item.id, item] as const))("proxy case %s has its verdict", async (_, item) => {
    const isRequest = kind === "request";
    answer = isRequest
      ? { bytes: item.upstream ?? DEFAULT_RESPONSE, close: false }
      : { bytes: expanded(item).toString("latin1"), close: item.close === true };
    const accepted = [item.verdict, ...(item.also_ok ?? [])];
    const sent = isRequest ? expanded(item) : Buffer.from(item.request ?? DEFAULT_REQUEST, "latin1");
    const isRight = (what: Seen): boolean => accepted.some((verdict) => holds(verdict, item, what));
    let seen = await drive(sent, item);
    for (let tries = 1; tries < TRIES_MAX && !isRight(seen); tries++) seen = await drive(sent, item);
    if (!isRight(seen)) {
      throw new Error(`${item.id}: wanted ${accepted.join(" or ")}, saw ${JSON.stringify(seen).slice(0, 1500)}`);
    }
    contains(isRequest ? seen.forwarded : seen.client, item);
  });
});

test("proxy keeps nothing of all these connections", async () => {
  const client = await connectRaw(proxy.port);
  client.close();
  await waitFor("all blocks to be free", async () => (await proxy.status()).blocks === 0);
  await waitFor("all connections to be gone", async () => (await proxy.status()).connections <= 1);
});
