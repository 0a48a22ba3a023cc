/** An in-process daemon that speaks the admin socket's API from a scripted snapshot: for tests of the command line and the TUI. */
import type { BallastEvent, Reply, Request, ServerStatus, Snapshot, VrrpStatus } from "../../src/admin/api.ts";
import { FAKE_RATE, fakeEvents, fakeLatency, fakeSnapshot } from "./fake-snapshot.ts";

export interface FakeDaemon {
  readonly socket: string;
  /** What clients asked for, in order. */
  readonly requests: readonly Request[];
  snapshot(): Snapshot;
  change(edit: (snapshot: Snapshot) => Snapshot): void;
  /** Moves the clock and the counters on, as busy workers would. */
  advance(elapsedMs: number): void;
  emit(event: Omit<BallastEvent, "id" | "wallMs">): void;
  /** Stops answering: the socket file stays, as after a crash. */
  drop(): Promise<void>;
  /** Answers again. */
  restore(): Promise<void>;
  close(): Promise<void>;
}

const EVENTS_MAX = 1_000;

/** Listens on `socket`; the caller closes it. */
export async function startFakeDaemon(socket: string, initial: Snapshot = fakeSnapshot()): Promise<FakeDaemon> {
  let snapshot = initial;
  const events: BallastEvent[] = [...fakeEvents()];
  const requests: Request[] = [];
  const followers = new Set<(event: BallastEvent) => void>();

  const emit = (event: Omit<BallastEvent, "id" | "wallMs">): void => {
    const numbered = { ...event, id: (events.at(-1)?.id ?? 0) + 1, wallMs: snapshot.wallMs };
    events.push(numbered);
    if (events.length > EVENTS_MAX) events.shift();
    for (const follower of followers) follower(numbered);
  };

  const perform = (request: Request): Reply => {
    requests.push(request);
    if (!snapshot.mayWrite) return { ok: false, kind: "forbidden", text: "this user may only read" };
    const outcome = applyRequest(snapshot, request);
    snapshot = outcome.snapshot;
    if (outcome.reply.ok) {
      emit({
        level: "notice",
        source: "admin",
        kind: `order.${request.op}`,
        object: outcome.object,
        text: outcome.reply.text,
        fields: {},
      });
    }
    return outcome.reply;
  };

  const answer = async (request: globalThis.Request): Promise<Response> => {
    const url = new URL(request.url);
    const since = Number(url.searchParams.get("since") ?? "0");
    switch (`${request.method} ${url.pathname}`) {
      case "GET /v1/snapshot":
        return Response.json(snapshot);
      case "GET /v1/events":
        return Response.json(events.filter((event) => event.id > since));
      case "GET /v1/events/stream":
        return streamEvents(
          events.filter((event) => event.id > since),
          followers,
          request.signal,
        );
      case "GET /v1/config":
        return new Response('[global]\nnode = "lb1"\n\n[frontend.web]\nbind = ["192.0.2.10:443"]\n', {
          headers: { "content-type": "application/toml" },
        });
      case "POST /v1/request": {
        const reply = perform((await request.json()) as Request);
        return Response.json(reply, { status: reply.ok ? 200 : reply.kind === "forbidden" ? 403 : 409 });
      }
      default:
        return new Response("no such page", { status: 404 });
    }
  };

  const listen = (): Bun.Server<undefined> => Bun.serve({ unix: socket, fetch: answer });
  await Bun.file(socket).delete().catch(ignoreMissing);
  let server: Bun.Server<undefined> | null = listen();
  const stop = async (): Promise<void> => {
    followers.clear();
    await server?.stop(true);
    server = null;
  };

  return {
    socket,
    requests,
    snapshot: () => snapshot,
    change: (edit) => {
      snapshot = edit(snapshot);
    },
    advance: (elapsedMs) => {
      snapshot = advanced(snapshot, elapsedMs);
    },
    emit,
    drop: stop,
    restore: async () => {
      await Bun.file(socket).delete().catch(ignoreMissing);
      server ??= listen();
    },
    close: async () => {
      await stop();
      await Bun.file(socket).delete().catch(ignoreMissing);
    },
  };
}

/** A socket file that is already gone is what we wanted. */
function ignoreMissing(): void {
  return undefined;
}

function streamEvents(
  backlog: readonly BallastEvent[],
  followers: Set<(event: BallastEvent) => void>,
  gone: AbortSignal,
): Response {
  const encoder = new TextEncoder();
  const line = (event: BallastEvent): Uint8Array => encoder.encode(`${JSON.stringify(event)}\n`);
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      // A first byte makes the client see the answer's head before anything happens.
      controller.enqueue(encoder.encode("\n"));
      for (const event of backlog) controller.enqueue(line(event));
      const follower = (event: BallastEvent): void => controller.enqueue(line(event));
      followers.add(follower);
      gone.addEventListener("abort", () => followers.delete(follower));
    },
  });
  return new Response(body, { headers: { "content-type": "application/x-ndjson" } });
}

interface Outcome {
  readonly snapshot: Snapshot;
  readonly reply: Reply;
  readonly object: string;
}

function applyRequest(snapshot: Snapshot, request: Request): Outcome {
  switch (request.op) {
    case "server":
      return editServer(
        snapshot,
        request,
        (server) => ({ ...server, admin: request.state }),
        `set to ${request.state}`,
      );
    case "server_weight":
      return editServer(
        snapshot,
        request,
        (server) => ({ ...server, weight: request.weight }),
        `weight ${request.weight}`,
      );
    case "lvs":
      return {
        snapshot,
        object: `${request.virtual}/${request.real}`,
        reply: { ok: true, text: `${request.virtual}/${request.real} set to ${request.state}` },
      };
    case "vrrp":
      return editVrrp(snapshot, request.instance, (instance) => ({
        ...instance,
        state: vrrpAfter(request.order, instance),
      }));
    case "reload":
      return { snapshot, object: "", reply: { ok: true, text: "configuration unchanged, generation 3" } };
    case "stop":
      return { snapshot, object: "", reply: { ok: true, text: "stopping" } };
  }
}

function vrrpAfter(order: "failover" | "maint" | "resume", instance: VrrpStatus): VrrpStatus["state"] {
  if (order === "maint") return "maint";
  if (order === "failover") return "backup";
  return instance.priority > 100 ? "master" : "backup";
}

function editServer(
  snapshot: Snapshot,
  target: { readonly backend: string; readonly server: string },
  edit: (server: ServerStatus) => ServerStatus,
  what: string,
): Outcome {
  const object = `${target.backend}/${target.server}`;
  const known = snapshot.backends.some(
    (backend) => backend.name === target.backend && backend.servers.some((server) => server.name === target.server),
  );
  if (!known) return { snapshot, object, reply: { ok: false, kind: "not_found", text: `no server ${object}` } };
  const backends = snapshot.backends.map((backend) =>
    backend.name !== target.backend
      ? backend
      : {
          ...backend,
          servers: backend.servers.map((server) => (server.name === target.server ? edit(server) : server)),
        },
  );
  return { snapshot: { ...snapshot, backends }, object, reply: { ok: true, text: `${object} ${what}` } };
}

function editVrrp(snapshot: Snapshot, name: string | null, edit: (instance: VrrpStatus) => VrrpStatus): Outcome {
  const object = name ?? "";
  const known = snapshot.vrrp.some((instance) => name === null || instance.instance === name);
  if (!known) return { snapshot, object, reply: { ok: false, kind: "not_found", text: `no VRRP instance ${object}` } };
  const vrrp = snapshot.vrrp.map((instance) =>
    name === null || instance.instance === name ? edit(instance) : instance,
  );
  return { snapshot: { ...snapshot, vrrp }, object, reply: { ok: true, text: `${name ?? "every instance"}: done` } };
}

/** The snapshot some time later; load: 1 is the usual traffic. */
export function advanced(snapshot: Snapshot, elapsedMs: number, load = 1): Snapshot {
  const rateOf = (name: string): number => (name === "app1" ? FAKE_RATE.app1 : name === "app2" ? FAKE_RATE.app2 : 0);
  const moved = (count: number, perSecond: number): number => count + Math.round((perSecond * load * elapsedMs) / 1000);
  const step = FAKE_RATE.app1 + FAKE_RATE.app2;
  return {
    ...snapshot,
    wallMs: snapshot.wallMs + elapsedMs,
    frontends: snapshot.frontends.map((frontend) =>
      frontend.name !== "web"
        ? frontend
        : {
            ...frontend,
            connectionsTotal: moved(frontend.connectionsTotal, 611),
            requestsTotal: moved(frontend.requestsTotal, step),
            receivedBytes: moved(frontend.receivedBytes, 12_000_000),
            sentBytes: moved(frontend.sentBytes, 105_000_000),
            responses: [
              0,
              moved(frontend.responses[1], step - 3),
              frontend.responses[2],
              frontend.responses[3],
              moved(frontend.responses[4], 3),
            ],
            latency: fakeLatency(moved(frontend.requestsTotal, step)),
          },
    ),
    backends: snapshot.backends.map((backend) => ({
      ...backend,
      sessionsTotal: moved(backend.sessionsTotal, backend.name === "app" ? step : 0),
      responses: [
        0,
        moved(backend.responses[1], backend.name === "app" ? step : 0),
        backend.responses[2],
        backend.responses[3],
        backend.responses[4],
      ],
      latency:
        backend.mode === "http"
          ? fakeLatency(moved(backend.sessionsTotal, backend.name === "app" ? step : 0))
          : backend.latency,
      servers: backend.servers.map((server) => ({
        ...server,
        sessionsTotal: moved(server.sessionsTotal, rateOf(server.name)),
        responses: [0, moved(server.responses[1], rateOf(server.name)), 0, 0, 0],
        latency: fakeLatency(moved(server.sessionsTotal, rateOf(server.name))),
      })),
    })),
  };
}
