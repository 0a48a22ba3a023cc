/**
 * An HTTP/1.1 request reader of its own, written from RFC 9112 and sharing nothing with src/http: it takes only the one
 * spelling that no two readers understand differently, and says what is wrong with everything else.
 */

export interface StrictRequest {
  readonly method: string;
  readonly target: string;
  readonly host: string;
  /** Where it stands in the stream, latin-1. */
  readonly bytes: string;
}

export type Reading =
  | { readonly kind: "request"; readonly request: StrictRequest; readonly end: number }
  | { readonly kind: "incomplete" }
  | { readonly kind: "violation"; readonly text: string };

const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const REQUEST_LINE = new RegExp(`^(${TOKEN}) ([\\x21-\\x7e]+) HTTP/1\\.1$`);
const FIELD_LINE = new RegExp(`^(${TOKEN}):[ \\t]*([\\t\\x20-\\x7e\\x80-\\xff]*)$`);
/** Between two neighbours only; nobody behind a proxy has a use for them. */
const HOP_BY_HOP = [
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "http2-settings",
  "proxy-authorization",
  "proxy",
];

function violation(text: string): Reading {
  return { kind: "violation", text };
}

/** The request at `start` of a connection's bytes. */
export function readStrictly(stream: string, start: number): Reading {
  const headEnd = stream.indexOf("\r\n\r\n", start);
  if (headEnd < 0) {
    // What has arrived must look like the beginning of one.
    const lines = stream.slice(start).split("\r\n");
    const bad = lines.slice(0, -1).find((line) => /[\r\n\0]/.test(line));
    return bad === undefined ? { kind: "incomplete" } : violation(`control bytes in ${JSON.stringify(bad)}`);
  }
  const [requestLine = "", ...fieldLines] = stream.slice(start, headEnd).split("\r\n");
  const request = REQUEST_LINE.exec(requestLine);
  if (request === null) return violation(`request line ${JSON.stringify(requestLine)}`);
  const fields = new Map<string, string[]>();
  for (const line of fieldLines) {
    const field = FIELD_LINE.exec(line);
    if (field === null) return violation(`field line ${JSON.stringify(line)}`);
    const name = field[1]!.toLowerCase();
    fields.set(name, [...(fields.get(name) ?? []), field[2]!.trim()]);
  }
  const wrong = judgeFields(fields);
  if (wrong !== null) return violation(`${wrong} in ${JSON.stringify(stream.slice(start, headEnd))}`);
  const bodyStart = headEnd + 4;
  const end = fields.has("transfer-encoding")
    ? chunksEnd(stream, bodyStart)
    : bodyStart + Number(fields.get("content-length")?.[0] ?? 0);
  if (typeof end === "string") return violation(end);
  if (end < 0 || end > stream.length) return { kind: "incomplete" };
  const [, method = "", target = ""] = request;
  const host = fields.get("host")![0]!;
  return { kind: "request", request: { method, target, host, bytes: stream.slice(start, end) }, end };
}

function judgeFields(fields: ReadonlyMap<string, readonly string[]>): string | null {
  for (const name of ["host", "content-length", "transfer-encoding", "connection", "upgrade", "expect"]) {
    if ((fields.get(name)?.length ?? 0) > 1) return `${name} more than once`;
  }
  if (!fields.has("host")) return "no host";
  if (/[\s,/?#@]/.test(fields.get("host")![0]!)) return "an ambiguous host";
  const [length] = fields.get("content-length") ?? [];
  const [coding] = fields.get("transfer-encoding") ?? [];
  if (length !== undefined && !/^(0|[1-9]\d{0,15})$/.test(length)) return `content-length ${length}`;
  if (coding !== undefined && coding !== "chunked") return `transfer-encoding ${coding}`;
  if (length !== undefined && coding !== undefined) return "content-length beside transfer-encoding";
  const [connection] = fields.get("connection") ?? [];
  if (connection !== undefined && connection !== "close" && connection !== "Upgrade") return `connection ${connection}`;
  if (fields.has("upgrade") !== (connection === "Upgrade")) return "upgrade without its connection option";
  if (/^(h2c?|http|tls)(\/|$)/i.test(fields.get("upgrade")?.[0] ?? "")) return "an upgrade that leads past the rules";
  return HOP_BY_HOP.find((name) => fields.has(name)) ?? null;
}

/** Offset after the last chunk, -1 while it is missing, or what is wrong. */
function chunksEnd(stream: string, start: number): number | string {
  for (let at = start; ;) {
    const lineEnd = stream.indexOf("\r\n", at);
    const line = stream.slice(at, lineEnd < 0 ? undefined : lineEnd);
    if (lineEnd < 0)
      return /^[0-9a-fA-F]{0,15}\r?$/.test(line) ? -1 : `chunk size ${JSON.stringify(line.slice(0, 40))}`;
    if (!/^[0-9a-fA-F]{1,15}$/.test(line)) return `chunk size ${JSON.stringify(line)}`;
    const size = Number.parseInt(line, 16);
    const dataEnd = lineEnd + 2 + size;
    if (stream.length < dataEnd + 2) {
      const tail = stream.slice(dataEnd);
      return tail === "" || tail === "\r" ? -1 : `chunk of ${line} ends with ${JSON.stringify(tail)}`;
    }
    if (stream.slice(dataEnd, dataEnd + 2) !== "\r\n") return `chunk of ${line} does not end with CRLF`;
    at = dataEnd + 2;
    if (size === 0) return at;
  }
}
