import { afterEach, expect, test } from "bun:test";
import { postWebhook } from "../../../src/notify/shell/webhook.ts";
import { makeCertificate } from "../../support/mail.ts";
import { stopAllProcesses } from "../../support/process.ts";
import { freePort } from "../../support/ports.ts";

const servers: { stop(force: boolean): unknown }[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop(true);
  await stopAllProcesses();
});

interface Taken {
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body: string;
}

function serve(answer: () => Response, tls?: Bun.TLSOptions): { readonly port: number; readonly taken: Taken[] } {
  const taken: Taken[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    ...(tls === undefined ? {} : { tls }),
    fetch: async (request) => {
      taken.push({ method: request.method, headers: request.headers.toJSON(), body: await request.text() });
      return answer();
    },
  });
  servers.push(server);
  return { port: server.port!, taken };
}

test("postWebhook posts JSON with the token", async () => {
  const { port, taken } = serve(() => new Response("thanks"));
  const webhook = { url: `http://127.0.0.1:${port}/hook`, token: "t0ken", ca: null };
  expect(await postWebhook(webhook, '{"text":"x"}')).toEqual({ ok: true, note: "" });
  expect(taken).toHaveLength(1);
  expect(taken[0]).toMatchObject({ method: "POST", body: '{"text":"x"}' });
  expect(taken[0]!.headers).toMatchObject({ "content-type": "application/json", authorization: "Bearer t0ken" });
});

test.each([
  [500, true],
  [503, true],
  [429, true],
  [408, true],
  [404, false],
  [401, false],
])("postWebhook takes status %i for a failure, temporary: %p", async (status, temporary) => {
  const { port } = serve(() => new Response("no", { status }));
  const delivery = await postWebhook({ url: `http://127.0.0.1:${port}/`, token: null, ca: null }, "{}");
  expect(delivery).toEqual({ ok: false, temporary, reason: `answered with status ${status}` });
});

test("postWebhook does not follow a redirection: the token would go to somebody else", async () => {
  const other = serve(() => new Response("x"));
  const { port } = serve(() => Response.redirect(`http://127.0.0.1:${other.port}/`, 307));
  const delivery = await postWebhook({ url: `http://127.0.0.1:${port}/`, token: "t0ken", ca: null }, "{}");
  expect(delivery).toMatchObject({ ok: false, temporary: false, reason: "answered with status 307" });
  expect(other.taken).toEqual([]);
});

test("postWebhook trusts the authority of the configuration and no other", async () => {
  const certificate = await makeCertificate();
  const { port, taken } = serve(() => new Response("ok"), certificate);
  const url = `https://127.0.0.1:${port}/`;
  expect(await postWebhook({ url, token: null, ca: null }, "{}")).toMatchObject({ ok: false, temporary: true });
  expect(taken).toEqual([]);
  expect(await postWebhook({ url, token: null, ca: { path: "/ca.pem", pem: certificate.cert } }, "{}")).toMatchObject({
    ok: true,
  });
});

test("postWebhook to a port where nobody listens fails for now", async () => {
  const delivery = await postWebhook({ url: `http://127.0.0.1:${freePort()}/`, token: null, ca: null }, "{}");
  expect(delivery).toMatchObject({ ok: false, temporary: true });
});

test("postWebhook does not wait for a server that never answers", async () => {
  const silent = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  servers.push(silent);
  const startedMs = performance.now();
  const webhook = { url: `http://127.0.0.1:${silent.port}/`, token: null, ca: null };
  expect(await postWebhook(webhook, "{}", 200)).toMatchObject({ ok: false, temporary: true });
  expect(performance.now() - startedMs).toBeLessThan(10_000);
});
