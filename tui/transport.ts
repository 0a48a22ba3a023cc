/** Between the admin socket and the model: asks, follows, sends orders, and turns every answer into a message. */
import type { BallastEvent } from "../src/admin/api.ts";
import type { AdminClient } from "../src/admin/client.ts";
import { EVENTS_MAX, type Message, type SentOrder } from "./model.ts";

export interface Transport {
  /** Looks at once instead of at the next interval. */
  refresh(): void;
  setRefresh(refreshMs: number): void;
  loadConfig(): void;
  send(order: SentOrder): void;
  stop(): void;
}

/** A lost daemon is not asked more often than this. */
const RETRY_MS = 1_000;
/** A burst of events becomes one message. */
const EVENT_BATCH_MS = 50;
const TICK_MS = 1_000;

export function startTransport(
  client: AdminClient,
  dispatch: (message: Message) => void,
  initialRefreshMs: number,
): Transport {
  let stopped = false;
  let refreshMs = initialRefreshMs;
  let timer: ReturnType<typeof setTimeout> | null = null;
  let asking = false;
  let startedWallMs = 0;
  let events = followEvents(client, dispatch);

  const look = async (): Promise<void> => {
    if (asking || stopped) return;
    asking = true;
    const answer = await client.snapshot();
    asking = false;
    if (stopped) return;
    if (answer.ok) {
      // A daemon that started again numbers its events from the beginning.
      if (startedWallMs !== 0 && startedWallMs !== answer.value.startedWallMs) {
        events.stop();
        events = followEvents(client, dispatch);
      }
      startedWallMs = answer.value.startedWallMs;
      dispatch({ kind: "snapshot", snapshot: answer.value, nowMs: Date.now() });
    } else {
      dispatch({ kind: "lost", error: answer.error, nowMs: Date.now() });
    }
    schedule(answer.ok ? refreshMs : Math.max(refreshMs, RETRY_MS));
  };

  const schedule = (waitMs: number): void => {
    if (timer !== null) clearTimeout(timer);
    timer = stopped ? null : setTimeout(() => void look(), waitMs);
  };

  const ticker = setInterval(() => dispatch({ kind: "tick", nowMs: Date.now() }), TICK_MS);
  void look();

  return {
    refresh: () => schedule(0),
    setRefresh: (nextMs) => {
      refreshMs = nextMs;
      schedule(0);
    },
    loadConfig: () => void loadConfig(client, dispatch),
    send: (order) => void sendOrder(client, dispatch, order),
    stop: () => {
      stopped = true;
      if (timer !== null) clearTimeout(timer);
      clearInterval(ticker);
      events.stop();
    },
  };
}

async function loadConfig(client: AdminClient, dispatch: (message: Message) => void): Promise<void> {
  const answer = await client.config({ defaults: false, json: false });
  const lines = answer.ok ? answer.value.text.replace(/\n$/, "").split("\n") : [answer.error.text, answer.error.help];
  dispatch({ kind: "config", lines });
}

/** One after the other; the first refusal ends it, and says how far it came. */
async function sendOrder(client: AdminClient, dispatch: (message: Message) => void, order: SentOrder): Promise<void> {
  let text = "";
  for (const [done, request] of order.requests.entries()) {
    const answer = await client.request(request);
    const refusal = !answer.ok
      ? `${answer.error.text}; ${answer.error.help}`
      : answer.value.ok
        ? null
        : refusalText(answer.value.text, answer.value.issues ?? []);
    if (refusal !== null) {
      dispatch({ kind: "reply", order, outcome: { ok: false, text: refusal, done }, nowMs: Date.now() });
      return;
    }
    if (answer.ok) text = answer.value.text;
  }
  const summary = order.requests.length > 1 ? `${order.label}: done` : text;
  dispatch({ kind: "reply", order, outcome: { ok: true, reply: { ok: true, text: summary } }, nowMs: Date.now() });
}

/** One line for the notice: the first thing that is wrong, and where the others stand. */
function refusalText(text: string, issues: readonly string[]): string {
  const [first, ...more] = issues;
  if (first === undefined) return text;
  const rest = more.length === 0 ? "" : `${more.length + 1} errors (5 Events), first `;
  // Without folders: the line has to fit, and the configuration's path is on other screens.
  return `refused: ${rest}${first.split("\n", 1)[0]?.replace(/^\/\S*\//, "")}`;
}

function followEvents(client: AdminClient, dispatch: (message: Message) => void): { stop(): void } {
  let stopped = false;
  let stopFollowing = (): void => undefined;
  let batch: BallastEvent[] = [];
  let timer: ReturnType<typeof setTimeout> | null = null;
  const flush = (): void => {
    timer = null;
    if (batch.length > 0 && !stopped) dispatch({ kind: "events", events: batch });
    batch = [];
  };
  const begin = async (): Promise<void> => {
    const past = await client.events(0);
    if (stopped) return;
    const known = past.ok ? past.value.slice(-EVENTS_MAX) : [];
    if (known.length > 0) dispatch({ kind: "events", events: known });
    stopFollowing = client.follow(known.at(-1)?.id ?? 0, {
      onEvent: (event) => {
        batch.push(event);
        if (batch.length > EVENTS_MAX) batch.shift();
        timer ??= setTimeout(flush, EVENT_BATCH_MS);
      },
      // The snapshots already tell whether the daemon answers; one voice is enough.
      onLost: () => undefined,
      onConnected: () => undefined,
    });
  };
  void begin();
  return {
    stop: () => {
      stopped = true;
      if (timer !== null) clearTimeout(timer);
      stopFollowing();
    },
  };
}
