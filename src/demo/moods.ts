/** What a toy backend can be told to be, one word a line on its standard input. */

export const moods = {
  good: "answers at once",
  slow: "takes 300 ms for each answer",
  hang: "accepts connections and never answers",
  error: "answers 500 to everything, health checks too",
  garbage: "answers with bytes that are not HTTP",
} as const;

export type Mood = keyof typeof moods;

export function isMood(word: string): word is Mood {
  return Object.hasOwn(moods, word);
}

export interface ToyRequest {
  readonly method: string;
  readonly target: string;
  readonly close: boolean;
}

/** A head longer than this is not one of the demo's. */
export const HEAD_CHARACTERS_MAX = 32 * 1024;

/** Reads one request head of a GET or HEAD (the demo sends no bodies); null while it is incomplete. */
export function takeRequest(received: string): { readonly request: ToyRequest; readonly rest: string } | null {
  const end = received.indexOf("\r\n\r\n");
  if (end < 0) return null;
  const head = received.slice(0, end);
  const [method = "", target = ""] = head.slice(0, head.indexOf("\r\n")).split(" ");
  const close = /\r\nconnection:[^\r]*\bclose\b/i.test(head);
  return { request: { method, target, close }, rest: received.slice(end + 4) };
}

export interface ToyAnswer {
  readonly delayMs: number;
  readonly text: string;
  readonly close: boolean;
}

const SLOW_MS = 300;

/** What a toy called `name` in that mood says to a request; null: nothing, ever. */
export function answerOf(name: string, mood: Mood, request: ToyRequest): ToyAnswer | null {
  switch (mood) {
    case "hang":
      return null;
    case "garbage":
      return { delayMs: 0, text: "\u0016\u0003 2+2=5, this is not HTTP\r\n\r\n", close: true };
    case "error":
      return {
        delayMs: 0,
        text: httpAnswer("500 Internal Server Error", "backend failure\n", request),
        close: request.close,
      };
    case "good":
    case "slow":
      return {
        delayMs: mood === "slow" ? SLOW_MS : 0,
        text: httpAnswer("200 OK", `hello from ${name}, you asked for ${request.target}\n`, request),
        close: request.close,
      };
  }
}

function httpAnswer(status: string, body: string, request: ToyRequest): string {
  const head = [
    `HTTP/1.1 ${status}`,
    "Content-Type: text/plain; charset=utf-8",
    `Content-Length: ${body.length}`,
    ...(request.close ? ["Connection: close"] : []),
  ].join("\r\n");
  return `${head}\r\n\r\n${request.method === "HEAD" ? "" : body}`;
}
