/** Rows of a rule: one condition, one action. */
import { row, later, pairs, table } from "./schema-table.ts";
import type { Type } from "./schema-type.ts";
import { booleanOr, choice, integer, mismatch, oneOrList, text } from "./schema-type.ts";

/** RFC 9110, section 5.6.2: token. */
const tokenForm = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** What the proxy itself writes for each message; a rule on it would break the framing (RFC 9112, section 6). */
export const ownedHeaders = [
  "connection",
  "content-length",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
] as const;

export function isHeaderName(name: string): boolean {
  return tokenForm.test(name);
}

const headerName = text("a header name", tokenForm);

/** RFC 9110, section 5.5, and no log-format expression: those come with their own issue. */
const headerValue: Type<string> = {
  words: "a header value",
  sections: [],
  decode: (value, at, sink) => {
    // oxlint-disable-next-line no-control-regex
    if (typeof value !== "string" || /[\u0000-\u0008\u000a-\u001f\u007f]/.test(value)) {
      return mismatch("a header value without control characters", value, at, sink);
    }
    if (/%\[|%\{/.test(value)) {
      sink.error(at, "an expression %[…] in a header value is not supported yet");
      return undefined;
    }
    return value;
  },
};

/** Goes into an answer's Location line as it is: a URI (RFC 3986), whose other characters are percent-encoded. */
const redirectTarget: Type<string> = {
  ...headerValue,
  words: "a URL or path",
  decode: (value, at, sink) => {
    if (typeof value === "string" && !/^[\x21-\x7e]+$/.test(value)) {
      const help = "anything but visible ASCII is written percent-encoded: /%C3%BC";
      return mismatch("a URL or path without blanks", value, at, sink, help);
    }
    return headerValue.decode(value, at, sink);
  },
};

/** configuration.txt, "redirect". */
const redirectCode: Type<301 | 302 | 303 | 307 | 308> = {
  words: "301, 302, 303, 307 or 308",
  sections: [],
  decode: (value, at, sink) => {
    const code = ([301, 302, 303, 307, 308] as const).find((known) => known === value);
    return code ?? mismatch(redirectCode.words, value, at, sink);
  },
};

/** configuration.txt, "http-request deny": the statuses that HAProxy has an answer for, without 200 and 407. */
const denyStatuses: readonly number[] = [400, 401, 403, 404, 405, 408, 410, 413, 425, 429, 500, 501, 502, 503, 504];
const denyStatus: Type<number> = {
  words: `one of ${denyStatuses.join(", ")}`,
  sections: [],
  decode: (value, at, sink) => {
    const known = typeof value === "number" && denyStatuses.includes(value);
    return known ? value : mismatch(denyStatus.words, value, at, sink);
  },
};

export const redirectRows = {
  scheme: row(choice(["https", "http"]), "same host and path under another scheme"),
  location: row(redirectTarget, "the whole new URL"),
  prefix: row(redirectTarget, "what to put before the request's path"),
  code: row(redirectCode, "status of the answer", { default: 302 }),
} as const;

export const denyRows = {
  status: row(denyStatus, "status of the answer", { default: 403, was: ["deny_status", "code"] }),
} as const;

const name = text("a name", /^\S+$/);

/** Actions that exist in HAProxy and in the specification, and come later. */
const laterAction = integer(0, 0);

export const ruleRows = {
  when: row(text("a condition", /\S/), "condition; without one the rule always applies", { was: ["if", "unless"] }),
  use_backend: row(name, "send the request to this backend"),
  redirect: row(table("redirect", redirectRows), "answer with a redirect"),
  deny: row(booleanOr(table("deny", denyRows)), "answer with an error", { was: ["block", "reject"] }),
  set_header: row(pairs(headerValue), "replace a request header"),
  add_header: row(pairs(headerValue), "add a request header", { was: ["reqadd"] }),
  del_header: row(oneOrList(headerName), "remove request headers", { was: ["reqdel"] }),
  set_path: later(laterAction, "replace the request's path"),
  set_query: later(laterAction, "replace the request's query"),
  set_var: later(laterAction, "remember a value"),
  return: later(laterAction, "answer with a text"),
  tarpit: later(laterAction, "answer late"),
  track: later(laterAction, "count in a table"),
  set_response_header: later(laterAction, "replace a response header"),
  add_response_header: later(laterAction, "add a response header"),
  del_response_header: later(laterAction, "remove a response header"),
} as const;

export const ruleTable = table("rules", ruleRows);
export const aclDefinitions = pairs(oneOrList(text("a condition", /\S/)));
