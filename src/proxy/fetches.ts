/**
 * Where conditions get their samples: one row a fetch name of src/acl/fetches.ts that the proxy evaluates.
 * A text fetch shows each of its values to the test until one passes; a sample that is absent passes none.
 */
import { BACKSLASH, COMMA, QUOTE, skipSpace, trimEnd } from "../http/ascii.ts";
import { type HeaderName, headerName, nextHeader } from "../http/find.ts";
import { assert } from "../lib/result.ts";
import { type TextTest, textBytes } from "./condition-text.ts";
import type { RequestContext } from "./request-context.ts";

/** What a fetch needs to be compiled. */
export interface FetchEnvironment {
  /** In tcp mode there is no request: http fetches have no sample. */
  readonly mode: "tcp" | "http";
  /** Index of a backend by name, as `RequestContext.usableServers` takes it. */
  readonly backendIndex: (name: string) => number;
}

export type CompiledFetch =
  | { readonly kind: "absent" }
  | { readonly kind: "text"; readonly any: (context: RequestContext, test: TextTest) => boolean }
  | { readonly kind: "number"; readonly read: (context: RequestContext) => number }
  | { readonly kind: "boolean"; readonly read: (context: RequestContext) => boolean }
  | { readonly kind: "address"; readonly read: (context: RequestContext) => Uint8Array };

interface FetchRow {
  readonly layer: "tcp" | "http";
  readonly compile: (args: readonly string[], environment: FetchEnvironment) => CompiledFetch;
}

const VERSIONS = [textBytes("1.0"), textBytes("1.1")] as const;

const rows: Readonly<Record<string, FetchRow>> = {
  path: {
    layer: "http",
    compile: () => ({
      kind: "text",
      // Empty for "*" of OPTIONS, which has no path.
      any: ({ buf, head }, test) => head.pathEnd > head.pathStart && test(buf, head.pathStart, head.pathEnd),
    }),
  },
  url: {
    layer: "http",
    compile: () => ({
      kind: "text",
      any: ({ buf, head }, test) => test(buf, head.targetStart, head.targetEnd),
    }),
  },
  query: {
    layer: "http",
    compile: () => ({
      kind: "text",
      any: ({ buf, head }, test) => head.queryEnd > head.queryStart && test(buf, head.queryStart, head.queryEnd),
    }),
  },
  method: {
    layer: "http",
    compile: () => ({
      kind: "text",
      any: ({ buf, head }, test) => test(buf, head.methodStart, head.methodEnd),
    }),
  },
  "req.ver": {
    layer: "http",
    compile: () => ({
      kind: "text",
      any: ({ head }, test) => test(VERSIONS[head.minor === 0 ? 0 : 1], 0, 3),
    }),
  },
  hdr: { layer: "http", compile: compileHeader },
  hdr_cnt: {
    layer: "http",
    compile: (args) => {
      const name = nameOf(args);
      return { kind: "number", read: (context) => countValues(context, name) };
    },
  },
  src: { layer: "tcp", compile: () => ({ kind: "address", read: (context) => context.source }) },
  dst: { layer: "tcp", compile: () => ({ kind: "address", read: (context) => context.destination }) },
  src_port: { layer: "tcp", compile: () => ({ kind: "number", read: (context) => context.sourcePort }) },
  dst_port: { layer: "tcp", compile: () => ({ kind: "number", read: (context) => context.destinationPort }) },
  ssl_fc: { layer: "tcp", compile: () => ({ kind: "boolean", read: (context) => context.clientIsTls }) },
  nbsrv: {
    layer: "tcp",
    compile: ([name = ""], environment) => {
      const index = environment.backendIndex(name);
      return { kind: "number", read: (context) => context.usableServers(index) };
    },
  },
};

/** The fetch as functions. Fails on a name that the configuration's check should have refused. */
export function compileFetch(name: string, args: readonly string[], environment: FetchEnvironment): CompiledFetch {
  assert(Object.hasOwn(rows, name), `condition: the proxy has no fetch "${name}"`);
  const row = rows[name];
  if (row.layer === "http" && environment.mode === "tcp") return { kind: "absent" };
  return row.compile(args, environment);
}

function nameOf([name]: readonly string[]): HeaderName {
  assert(name !== undefined && name !== "", "condition: hdr needs the name of a header");
  return headerName(name);
}

function compileHeader(args: readonly string[]): CompiledFetch {
  const name = nameOf(args);
  if (args.length > 1) {
    const occurrence = Number(args[1]);
    assert(
      Number.isInteger(occurrence) && occurrence !== 0,
      `condition: hdr(${args.join()}): an occurrence is 1, 2 … or -1, -2 …`,
    );
    return { kind: "text", any: (context, test) => nthValue(context, name, occurrence, test) };
  }
  // The effective host, so that a rule sees what the request is forwarded for (RFC 9112 §3.2.2).
  if (args[0].toLowerCase() === "host") {
    return {
      kind: "text",
      any: ({ buf, head }, test) => head.hostEnd > head.hostStart && test(buf, head.hostStart, head.hostEnd),
    };
  }
  return { kind: "text", any: (context, test) => anyValue(context, name, test) };
}

/** End of the comma-separated value that begins at `start`; commas in quoted strings do not count (http_find_hdr_value_end). */
function valueEndAt(buf: Uint8Array, start: number, end: number): number {
  let quoted = false;
  for (let at = start; at < end; at++) {
    const byte = buf[at];
    if (quoted && byte === BACKSLASH) at++;
    else if (byte === QUOTE) quoted = !quoted;
    else if (byte === COMMA && !quoted) return at;
  }
  return end;
}

function testTrimmed(buf: Uint8Array, start: number, end: number, test: TextTest): boolean {
  const from = skipSpace(buf, start, end);
  return test(buf, from, trimEnd(buf, from, end));
}

function anyValue({ buf, head }: RequestContext, name: HeaderName, test: TextTest): boolean {
  for (let i = nextHeader(buf, head, name, 0); i >= 0; i = nextHeader(buf, head, name, i + 1)) {
    const lineEnd = head.valueEnd[i];
    for (let at = head.valueStart[i]; at <= lineEnd;) {
      const end = valueEndAt(buf, at, lineEnd);
      if (testTrimmed(buf, at, end, test)) return true;
      at = end + 1;
    }
  }
  return false;
}

/** Values over all lines of that name; a line without a comma has one, even when it is empty. */
function countValues({ buf, head }: RequestContext, name: HeaderName): number {
  let count = 0;
  for (let i = nextHeader(buf, head, name, 0); i >= 0; i = nextHeader(buf, head, name, i + 1)) {
    const lineEnd = head.valueEnd[i];
    for (let at = head.valueStart[i]; at <= lineEnd; at = valueEndAt(buf, at, lineEnd) + 1) count++;
  }
  return count;
}

/** occurrence: 1 is the first value, -1 the last. */
function nthValue(context: RequestContext, name: HeaderName, occurrence: number, test: TextTest): boolean {
  const { buf, head } = context;
  const wanted = occurrence > 0 ? occurrence : countValues(context, name) + 1 + occurrence;
  let seen = 0;
  for (let i = nextHeader(buf, head, name, 0); i >= 0; i = nextHeader(buf, head, name, i + 1)) {
    const lineEnd = head.valueEnd[i];
    for (let at = head.valueStart[i]; at <= lineEnd;) {
      const end = valueEndAt(buf, at, lineEnd);
      if (++seen === wanted) return testTrimmed(buf, at, end, test);
      at = end + 1;
    }
  }
  return false;
}
