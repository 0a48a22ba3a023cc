/** Client of the admin socket: what the command line and the TUI ask the daemon with. */
import { err, ok, type Result } from "../lib/result.ts";
import { API_VERSION, type BallastEvent, type Reply, type Request, type Snapshot } from "./api.ts";
import { type ClientError, explainFailure } from "./client-error.ts";

export type { ClientError } from "./client-error.ts";

export interface AdminClient {
  readonly socket: string;
  /** Everything that the daemon shows, at this moment. */
  snapshot(): Promise<Result<Snapshot, ClientError>>;
  /** Orders something. A refusal by the daemon is a Reply, not an error. */
  request(request: Request, timeoutMs?: number): Promise<Result<Reply, ClientError>>;
  /** The running configuration with secrets masked, as the daemon prints it. */
  config(options: { readonly defaults: boolean; readonly json: boolean }): Promise<Result<ConfigText, ClientError>>;
  /** The last events with an id above `since`. */
  events(since: number): Promise<Result<readonly BallastEvent[], ClientError>>;
  /** Follows events until the returned function is called; connects again by itself. */
  follow(since: number, handlers: FollowHandlers): () => void;
}

export interface ConfigText {
  readonly text: string;
  readonly json: boolean;
}

export interface FollowHandlers {
  onEvent(event: BallastEvent): void;
  /** The stream broke or was refused; the next attempt follows in `retryMs`. */
  onLost(error: ClientError, retryMs: number): void;
  onConnected(): void;
}

/** A local daemon that needs longer than this to describe itself is stuck. */
const ANSWER_TIMEOUT_MS = 5_000;
/** A reload reads certificates and resolves nothing over the network, but a loaded machine takes its time. */
const REQUEST_TIMEOUT_MS = 60_000;
/** 3,000 servers are about 2 MB of snapshot; beyond this the peer is not Ballast. */
const ANSWER_BYTES_MAX = 32 * 1024 * 1024;
/** One event is one short line. */
const EVENT_LINE_CHARS_MAX = 64 * 1024;
const RETRY_MS = 1_000;

/** A client for one socket path. Nothing is opened until something is asked. */
export function adminClient(socket: string): AdminClient {
  return {
    socket,
    snapshot: () => readSnapshot(socket),
    request: (request, timeoutMs = REQUEST_TIMEOUT_MS) => sendRequest(socket, request, timeoutMs),
    config: ({ defaults, json }) => readConfig(socket, defaults, json),
    events: async (since) =>
      mapJson<readonly BallastEvent[]>(socket, await call(socket, `/v1/events?since=${since}`), (value) =>
        Array.isArray(value),
      ),
    follow: (since, handlers) => followEvents(socket, since, handlers),
  };
}

async function readSnapshot(socket: string): Promise<Result<Snapshot, ClientError>> {
  const parsed = mapJson<Snapshot>(socket, await call(socket, "/v1/snapshot"), isObject);
  if (!parsed.ok || parsed.value.api === API_VERSION) return parsed;
  return err({
    kind: "bad_answer",
    text: `the daemon behind ${socket} speaks admin API ${parsed.value.api}, this program ${API_VERSION}`,
    help: "use the ballast binary that the daemon runs",
  });
}

async function sendRequest(socket: string, request: Request, timeoutMs: number): Promise<Result<Reply, ClientError>> {
  const body = JSON.stringify(request);
  const answer = await call(socket, "/v1/request", {
    timeoutMs,
    init: { method: "POST", body, headers: { "content-type": "application/json" } },
    // A refusal carries its Reply in the body whatever the status is.
    anyStatus: true,
  });
  return mapJson<Reply>(socket, answer, (value) => isObject(value) && "ok" in value);
}

async function readConfig(socket: string, defaults: boolean, json: boolean): Promise<Result<ConfigText, ClientError>> {
  const accept = json ? "application/json" : "application/toml, text/plain;q=0.9, application/json;q=0.5";
  const answer = await call(socket, `/v1/config${defaults ? "?defaults=1" : ""}`, { init: { headers: { accept } } });
  if (!answer.ok) return answer;
  return ok({ text: answer.value.text, json: answer.value.contentType.includes("json") });
}

interface CallOptions {
  readonly init?: RequestInit;
  readonly timeoutMs?: number;
  readonly anyStatus?: boolean;
}

interface Answer {
  readonly text: string;
  readonly contentType: string;
}

async function call(socket: string, target: string, options: CallOptions = {}): Promise<Result<Answer, ClientError>> {
  const timeoutMs = options.timeoutMs ?? ANSWER_TIMEOUT_MS;
  try {
    const response = await open(socket, target, { ...options.init, signal: AbortSignal.timeout(timeoutMs) });
    const declaredBytes = Number(response.headers.get("content-length") ?? "0");
    if (declaredBytes > ANSWER_BYTES_MAX) return err(badAnswer(socket, `sent ${declaredBytes} bytes for ${target}`));
    const text = await response.text();
    if (!response.ok && options.anyStatus !== true) return err(refused(socket, target, response.status, text));
    return ok({ text, contentType: response.headers.get("content-type") ?? "" });
  } catch (thrown) {
    return err(explainFailure(socket, thrown, timeoutMs));
  }
}

function open(socket: string, target: string, init: BunFetchRequestInit): Promise<Response> {
  // The host name is never resolved: `unix` names the peer.
  return fetch(`http://ballast${target}`, { ...init, unix: socket });
}

function refused(socket: string, target: string, status: number, text: string): ClientError {
  if (status === 403) {
    return {
      kind: "permission",
      text: `not permitted: the daemon behind ${socket} refuses ${target} to this user`,
      help: "run it as root or as a member of admin_group",
    };
  }
  return badAnswer(socket, `answered ${status} to ${target}: ${text.slice(0, 200)}`);
}

function badAnswer(socket: string, what: string): ClientError {
  return {
    kind: "bad_answer",
    text: `whoever listens on ${socket} ${what}`,
    help: "is it Ballast, and the same version? compare: ballast version",
  };
}

function mapJson<T>(
  socket: string,
  answer: Result<Answer, ClientError>,
  accept: (value: unknown) => boolean,
): Result<T, ClientError> {
  if (!answer.ok) return answer;
  const value = parseJson(answer.value.text);
  if (value === undefined || !accept(value)) return err(badAnswer(socket, "did not answer in Ballast's JSON"));
  // The shape beyond this is the daemon's promise, bound to API_VERSION.
  return ok(value as T);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function followEvents(socket: string, since: number, handlers: FollowHandlers): () => void {
  const stopped = new AbortController();
  void follow(socket, since, handlers, stopped.signal);
  return () => stopped.abort();
}

async function follow(socket: string, since: number, handlers: FollowHandlers, stopped: AbortSignal): Promise<void> {
  let lastId = since;
  while (!stopped.aborted) {
    try {
      const response = await open(socket, `/v1/events/stream?since=${lastId}`, {
        signal: stopped,
        // A quiet appliance says nothing for hours; Bun would hang up after five minutes.
        timeout: false,
      });
      if (!response.ok || response.body === null) {
        throw new Error(`answered ${response.status} to the event stream`);
      }
      handlers.onConnected();
      for await (const event of eventLines(response.body)) {
        if (stopped.aborted) return;
        lastId = Math.max(lastId, event.id);
        handlers.onEvent(event);
      }
      if (!stopped.aborted) handlers.onLost(explainFailure(socket, closed(), 0), RETRY_MS);
    } catch (thrown) {
      if (stopped.aborted) return;
      handlers.onLost(explainFailure(socket, thrown, ANSWER_TIMEOUT_MS), RETRY_MS);
    }
    await pause(RETRY_MS, stopped);
  }
}

function closed(): Error {
  return Object.assign(new Error("end of stream"), { code: "ECONNRESET" });
}

function pause(waitMs: number, stopped: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, waitMs);
    stopped.addEventListener(
      "abort",
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}

async function* eventLines(body: ReadableStream<Uint8Array>): AsyncGenerator<BallastEvent> {
  const decoder = new TextDecoder();
  let pending = "";
  for await (const chunk of body) {
    pending += decoder.decode(chunk, { stream: true });
    let end = pending.indexOf("\n");
    while (end >= 0) {
      const value = parseJson(pending.slice(0, end));
      pending = pending.slice(end + 1);
      // An empty line keeps the connection alive; anything else that is not an event is skipped.
      if (isEvent(value)) yield value;
      end = pending.indexOf("\n");
    }
    if (pending.length > EVENT_LINE_CHARS_MAX) throw new Error("an event line without an end");
  }
}

function isEvent(value: unknown): value is BallastEvent {
  return typeof value === "object" && value !== null && "id" in value && "text" in value && "kind" in value;
}
