/**
 * Checks over TLS: what Bun's upgradeTLS does for a client, with certificates that nobody signed. The conformance test
 * of src/checks/shell/probe-tls.ts for every new Bun.
 */
import { afterEach, beforeAll, expect, test } from "bun:test";
import { startHttpProbe } from "../../../src/checks/shell/probe-http.ts";
import type { RunningProbe } from "../../../src/checks/shell/probe-socket.ts";
import { startTcpProbe } from "../../../src/checks/shell/probe-tcp.ts";
import type { ProbeResult } from "../../../src/checks/result.ts";
import { checkRequest } from "../../../src/checks/http-probe.ts";
import type { CheckTlsConfig, SocketAddress } from "../../../src/config/types-proxy.ts";
import { Loop } from "../../../src/sys/loop.ts";
import { type Certificate, makeCertificate } from "../../support/mail.ts";
import { holdsFor, waitFor } from "../../support/wait.ts";
import { CheckerFixture, httpCheck, serverAt } from "./checker-fixture.ts";

/** Nothing that answers takes as long, even on a machine that stands still now and then. */
const PATIENT_MS = 10_000;
const UNVERIFIED: CheckTlsConfig = { verify: false, serverName: null };
const closers: (() => void | Promise<void>)[] = [];
let material: Certificate;

beforeAll(async () => {
  material = await makeCertificate();
});

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

function runningLoop(): Loop {
  const loop = new Loop();
  const finished = loop.run();
  closers.push(async () => {
    loop.stop();
    await finished;
  });
  return loop;
}

function at(port: number): SocketAddress {
  return { kind: "inet", family: 4, host: "127.0.0.1", port };
}

function website(body: string): number {
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, tls: material, fetch: () => new Response(body) });
  closers.push(() => server.stop(true));
  return server.port ?? 0;
}

/** A server in the clear, or one that never says anything. */
function plain(answer: string | null): { readonly port: number; readonly open: () => number } {
  let open = 0;
  const server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open: () => void open++,
      close: () => void open--,
      data: (socket) => {
        if (answer !== null) socket.end(answer);
      },
    },
  });
  closers.push(() => server.stop(true));
  return { port: server.port, open: () => open };
}

async function outcome(start: (done: (result: ProbeResult) => void) => RunningProbe): Promise<string> {
  const results: ProbeResult[] = [];
  start((result) => results.push(result));
  const result = await waitFor("a result", () => results[0]);
  expect(await holdsFor(() => results.length === 1, 20)).toBe(true);
  return result.kind === "checked" ? `${result.passed} ${result.status} ${result.info}` : result.reason;
}

function tcp(port: number, tls: CheckTlsConfig, timeoutMs = PATIENT_MS): Promise<string> {
  const loop = runningLoop();
  return outcome((done) => startTcpProbe(loop, at(port), tls, timeoutMs, timeoutMs, done));
}

function page(port: number, tls: CheckTlsConfig, source: string, digest: string | null = null): Promise<string> {
  const loop = runningLoop();
  const wanted = { method: "GET", target: "/", host: null, expect: [[200, 299]] } as const;
  const regex = { source, mustMatch: true };
  const request = checkRequest(wanted, at(port), true);
  const times = { connectTimeoutMs: PATIENT_MS, timeoutMs: PATIENT_MS };
  return outcome((done) =>
    startHttpProbe(loop, { target: at(port), request, wanted: { ...wanted, regex, digest }, tls, ...times }, done),
  );
}

test("startTcpProbe with TLS takes a finished handshake, whoever signed the certificate", async () => {
  expect(await tcp(website(""), UNVERIFIED)).toBe("true L6OK Layer6 check passed");
  expect(await tcp(website(""), { verify: false, serverName: "other.example.com" })).toStartWith("true L6OK");
});

test("startTcpProbe with verify refuses a certificate that nobody signed", async () => {
  const result = await tcp(website(""), { verify: true, serverName: "www.example.com" });
  expect(result).toBe("false L6RSP Layer6 invalid response: self signed certificate");
});

test("startTcpProbe with TLS refuses a server in the clear and does not wait for a silent one", async () => {
  expect(await tcp(plain("HTTP/1.1 400 no\r\n\r\n").port, UNVERIFIED)).toStartWith(
    "false L6RSP Layer6 invalid response",
  );
  const silent = plain(null);
  expect(await tcp(silent.port, UNVERIFIED, 100)).toBe("false L6TOUT Layer6 timeout");
  await waitFor("the connection to end", () => silent.open() === 0);
});

test("startHttpProbe reads a long page over TLS", async () => {
  const port = website(`${"0123456789".repeat(20_000)}end`);
  expect(await page(port, UNVERIFIED, "9end$")).toBe("true L7OK HTTP 200");
  expect(await page(port, UNVERIFIED, "missing")).toBe("false L7RSP the body does not match the expression");
});

test.skipIf(Bun.which("genhash") === null)("startHttpProbe over TLS takes the digest that genhash prints", async () => {
  const port = website("a page\n".repeat(3000));
  const hash = Bun.spawn(["genhash", "-S", "-s", "127.0.0.1", "-p", String(port), "-u", "/"], { stdout: "pipe" });
  const [found = ""] = /\b[0-9a-f]{32}\b/.exec(await hash.stdout.text()) ?? [];
  await hash.exited;
  expect(await page(port, UNVERIFIED, "a page", found)).toBe("true L7OK HTTP 200");
  expect(await page(port, UNVERIFIED, "a page", "0".repeat(32))).toStartWith(`false L7RSP MD5 of the body is ${found}`);
});

test("a probe that is cancelled during its handshake says nothing and leaves no connection", async () => {
  const silent = plain(null);
  const loop = runningLoop();
  const results: ProbeResult[] = [];
  const probe = startTcpProbe(loop, at(silent.port), UNVERIFIED, PATIENT_MS, PATIENT_MS, (result) =>
    results.push(result),
  );
  await waitFor("the connection", () => silent.open() === 1);
  probe.cancel();
  await waitFor("its end", () => silent.open() === 0);
  expect(results).toEqual([]);
});

test("hundreds of checks over TLS leave no descriptors behind", async () => {
  const port = website("ok");
  const loop = runningLoop();
  const count = (): number => [...new Bun.Glob("*").scanSync({ cwd: "/proc/self/fd", onlyFiles: false })].length;
  await outcome((done) => startTcpProbe(loop, at(port), UNVERIFIED, PATIENT_MS, PATIENT_MS, done));
  const before = count();
  for (let round = 0; round < 200; round++) {
    await new Promise<void>((resolve) => {
      startTcpProbe(loop, at(port), UNVERIFIED, PATIENT_MS, PATIENT_MS, () => resolve());
    });
  }
  await waitFor("the last ones to close", () => count() <= before + 4);
});

test("Checker asks a proxy server over TLS when its check says so", async () => {
  const fixture = new CheckerFixture();
  closers.push(() => fixture.close());
  fixture.check(serverAt(website("ok"), httpCheck({ tls: UNVERIFIED, intervalMs: 1000 })));
  const verdict = await fixture.verdict("a result", ({ checkStatus }) => checkStatus !== "INI");
  expect(verdict).toMatchObject({ health: "up", checkStatus: "L7OK" });
});
