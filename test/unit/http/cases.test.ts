/**
 * Every case of the collection at codec level: parser, chunked decoder and writer, fed whole, byte by byte and at
 * random cuts. The verdict is checked as far as bytes alone decide it.
 */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { driveRequests, driveResponse, type Outcome } from "./codec-driver.ts";
import { latin1, randomCuts, seeded } from "./material.ts";

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
  readonly close?: boolean;
  readonly half_close?: boolean;
  readonly timing?: boolean;
}

/** The codec sees an unfinished message here; what follows from that is decided by the engine. */
const decidedByEngine: Readonly<Record<string, string>> = {
  "cl-short-body-then-fin": "the client's FIN comes before the end of the body: the engine ends the server connection",
  "chunk-eof-mid": "the client's FIN comes inside a chunk",
  "chunk-missing-last": "the client's FIN comes before the last chunk",
  "chunk-size-bitwise-32": "4 GiB are awaited; the client timeout ends it",
  "slowloris-partial": "the http-request timer answers 408",
  "idle-no-bytes": "the keep-alive timer closes without an answer",
  "r-chunk-eof": "the server's FIN comes inside a chunk: the engine cuts the client off",
  "r-eof-no-head": "the server's FIN comes before any byte: the engine answers 502 or retries",
  "r-eof-mid-head": "the server's FIN comes inside the head: the engine answers 502",
};

const DEFAULT_REQUEST = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const RANDOM_ROUNDS = 6;

const cases: readonly Case[] = await Bun.file(join(import.meta.dir, "../../golden/http/http1_cases.json")).json();

/** `{{x*N}}` stands for N repetitions of x. */
function expanded(item: Case): Uint8Array {
  if (item.expand !== true) return latin1(item.raw);
  return latin1(
    item.raw.replace(/\{\{([^]*?)\*(\d+)\}\}/g, (_, text: string, count: string) => text.repeat(Number(count))),
  );
}

function drive(item: Case, bytes: Uint8Array, cuts: readonly number[]): Outcome {
  if (item.kind === "request") return driveRequests(bytes, cuts);
  return driveResponse(latin1(item.request ?? DEFAULT_REQUEST), bytes, cuts, item.close === true);
}

function expectVerdict(item: Case, outcome: Outcome): void {
  if (item.id in decidedByEngine) expect(outcome.verdict).toBe("incomplete");
  else expect([item.verdict, ...(item.also_ok ?? [])]).toContain(outcome.verdict);

  // Methods are the one thing that letter case distinguishes.
  const fold = (text: string) => (item.id.startsWith("method-") ? text : text.toLowerCase());
  const forwarded = fold(outcome.forwarded);
  for (const wanted of item.forward_contains ?? []) expect(forwarded).toContain(fold(wanted));
  for (const unwanted of item.forward_excludes ?? []) expect(forwarded).not.toContain(fold(unwanted));
  // A message that is refused or breaks off must not look complete to the other side.
  const looksCompleteInData = item.id === "chunk-size-bitwise-32";
  if (outcome.messages === 0 && !looksCompleteInData) expect(forwarded).not.toContain("\r\n0\r\n");
  const isRefusedAtOnce =
    outcome.verdict.startsWith("reject") && !item.id.startsWith("chunk-") && !item.id.startsWith("trailer-");
  if (isRefusedAtOnce) expect(outcome.forwarded).toBe("");
}

describe.each(["request", "response"] as const)("%s", (kind) => {
  const chosen = cases.filter((item) => item.kind === kind);
  test.each(chosen.map((item) => [item.id, item] as const))("case %s has its verdict however it is cut", (id, item) => {
    const bytes = expanded(item);
    const whole = drive(item, bytes, [bytes.length]);
    expectVerdict(item, whole);
    const single = Array.from(bytes, (_, i) => i + 1);
    const random = seeded(id.length * 7919 + bytes.length);
    const ways = [single, ...Array.from({ length: RANDOM_ROUNDS }, () => randomCuts(bytes.length, random))];
    for (const cuts of ways) {
      const outcome = drive(item, bytes, cuts);
      expectVerdict(item, outcome);
      expect(outcome.verdict).toBe(whole.verdict);
      expect(outcome.messages).toBe(whole.messages);
      // When it goes wrong, more or less of the message may already be on its way.
      if (whole.messages > 0) expect(outcome.forwarded).toBe(whole.forwarded);
    }
  });
});

test("the table of cases decided by the engine names only cases that exist", () => {
  const ids = new Set(cases.map((item) => item.id));
  expect(Object.keys(decidedByEngine).filter((id) => !ids.has(id))).toEqual([]);
});
