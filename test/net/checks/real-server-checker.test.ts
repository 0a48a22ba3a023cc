/** Checks of LVS real servers against servers that answer as told. */
import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RealServerChecker, type RealCheckResult } from "../../../src/checks/shell/real-server-checker.ts";
import type { LvsCheckConfig, LvsCommandConfig, LvsPageConfig } from "../../../src/config/types-lvs.ts";
import { Loop } from "../../../src/sys/loop.ts";
import { freePort } from "../../support/ports.ts";
import { holdsFor, waitFor } from "../../support/wait.ts";

/** For those who say nothing; everybody else has time. */
const SILENT_MS = 200;
const closers: (() => void | Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

/** One checker on its loop; `script` answers for the programs that it wants run. */
function checking(
  check: Partial<LvsCheckConfig>,
  port: number,
  script: number | null = null,
): readonly RealCheckResult[] {
  const results: RealCheckResult[] = [];
  const loop = new Loop();
  const checker = new RealServerChecker(loop, {
    random: () => 0,
    runScript: (_script: LvsCommandConfig, _timeoutMs: number, done) => {
      const timer = loop.after(1, () => done(script, script === null ? "killed by SIGKILL" : `exit code ${script}`));
      return timer;
    },
    onResult: (result) => results.push(result),
    onUnable: (_subject, reason) => void expect(reason).toBe(""),
  });
  const whole: LvsCheckConfig = {
    probe: { kind: "tcp" },
    target: { kind: "inet", family: 4, host: "127.0.0.1", port },
    tls: null,
    intervalMs: 60,
    timeoutMs: 5000,
    retry: 1,
    retryDelayMs: 20,
    ...check,
  };
  const finished = loop.run();
  closers.push(async () => {
    checker.stop();
    loop.stop();
    await finished;
  });
  checker.configure([{ virtual: "web", real: "one", check: whole, weight: 10 }]);
  return results;
}

function tcpServer(
  open: (write: (text: string) => void) => void,
  data: (text: string, write: (text: string) => void) => void,
): number {
  const server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open: (socket) => open((text) => void socket.write(text)),
      data: (socket, bytes) => data(bytes.toString(), (text) => void socket.write(text)),
    },
  });
  closers.push(() => server.stop(true));
  return server.port;
}

async function udpServer(answer: (query: Buffer) => Uint8Array | null): Promise<number> {
  const socket = await Bun.udpSocket({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data: (self, query, port, address) => {
        const bytes = answer(query);
        if (bytes !== null) self.send(bytes, port, address);
      },
      // A checker that has just stopped no longer listens for its answer.
      error: () => undefined,
    },
  });
  closers.push(() => socket.close());
  return socket.port;
}

/** `up` and information of the first result that counts. */
async function verdict(results: readonly RealCheckResult[]): Promise<string> {
  const found = await waitFor("a result that counts", () => results.find((result) => result.up !== null));
  return `${found.up} ${found.info}`;
}

test("RealServerChecker tries again after a failure before it counts, and comes back with the first success", async () => {
  const port = await freePort();
  const results = checking({ retry: 2 }, port);
  expect(await verdict(results)).toBe("false L4CON Connection refused");
  expect(results.slice(0, 3).map(({ up }) => up)).toEqual([null, null, false]);
  const server = Bun.listen({ hostname: "127.0.0.1", port, socket: { data: () => undefined } });
  closers.push(() => server.stop(true));
  await waitFor("a success", () => results.some((result) => result.up === true));
});

test("RealServerChecker greets a mail server", async () => {
  const hello = (name: string): number =>
    tcpServer(
      (write) => write("220-mail\r\n220 ready\r\n"),
      (text, write) => write(text.startsWith(`HELO ${name}`) ? "250 hello\r\n" : "550 no\r\n"),
    );
  const probe = { kind: "smtp", helo: "lb1" } as const;
  expect(await verdict(checking({ probe }, hello("lb1")))).toBe("true L7OK SMTP 250");
  expect(await verdict(checking({ probe }, hello("other")))).toBe("false L7STS SMTP 550 to helo");
  const busy = tcpServer(
    (write) => write("421 busy\r\n"),
    () => undefined,
  );
  expect(await verdict(checking({ probe }, busy))).toBe("false L7STS SMTP 421 to greeting");
  const silent = tcpServer(
    () => undefined,
    () => undefined,
  );
  expect(await verdict(checking({ probe, retry: 0, timeoutMs: SILENT_MS }, silent))).toBe(
    "false L7TOUT Layer7 timeout",
  );
});

test("RealServerChecker asks a name server and takes only NOERROR to its own question", async () => {
  const probe = { kind: "dns", name: "example.com", type: "SOA" } as const;
  const answering = (code: number, id = 0): Promise<number> =>
    udpServer((query) => {
      const answer = Uint8Array.from(query);
      answer[2] |= 0x80;
      answer[3] = code;
      answer[0] ^= id;
      return answer;
    });
  expect(await verdict(checking({ probe }, await answering(0)))).toBe("true L7OK DNS NOERROR");
  expect(await verdict(checking({ probe }, await answering(2)))).toBe("false L7STS DNS SERVFAIL");
  expect(await verdict(checking({ probe, retry: 0, timeoutMs: SILENT_MS }, await answering(0, 1)))).toBe(
    "false L7TOUT Layer7 timeout",
  );
  expect(await verdict(checking({ probe, retry: 0 }, await freePort()))).toBe("false L4CON Connection refused");
});

test.skipIf(process.getuid?.() !== 0)("RealServerChecker pings", async () => {
  const probe = { kind: "ping" } as const;
  const at = (family: 4 | 6, host: string) => ({ kind: "inet", family, host, port: 0 }) as const;
  expect(await verdict(checking({ probe, target: at(4, "127.0.0.1") }, 0))).toBe("true L4OK echo reply");
  expect(await verdict(checking({ probe, target: at(6, "::1") }, 0))).toBe("true L4OK echo reply");
  // Reserved (RFC 1112, section 4): nobody answers from there.
  const nobody = await verdict(checking({ probe, target: at(4, "240.0.0.1"), retry: 0, timeoutMs: SILENT_MS }, 0));
  expect(nobody).toMatch(/^false L4(?:TOUT no echo reply|CON )/);
});

test("RealServerChecker takes silence for life and an ICMP error for death over UDP", async () => {
  const probe = { kind: "udp" } as const;
  expect(await verdict(checking({ probe, timeoutMs: SILENT_MS }, await udpServer(() => null)))).toBe(
    "true L4OK Layer4 check passed",
  );
  expect(await verdict(checking({ probe }, await freePort()))).toBe("false L4CON Connection refused");
});

test("RealServerChecker reads exit codes of scripts, with weights where they are dynamic", async () => {
  const script = { command: ["/bin/probe"], user: null };
  const results = checking({ probe: { kind: "script", script, dynamic: true } }, 1, 12);
  await waitFor("a weight", () => results.some((result) => result.up === true && result.weight === 10));
  expect(await verdict(checking({ probe: { kind: "script", script, dynamic: false } }, 1, 12))).toBe(
    "false exit code 12",
  );
  expect(await verdict(checking({ probe: { kind: "script", script, dynamic: true } }, 1))).toBe(
    "false killed by SIGKILL",
  );
});

test("RealServerChecker stops with a configuration that has no such server any more", async () => {
  const loop = new Loop();
  const results: RealCheckResult[] = [];
  const checker = new RealServerChecker(loop, {
    random: () => 0,
    runScript: () => ({ cancel: () => undefined }),
    onResult: (result) => results.push(result),
    onUnable: () => undefined,
  });
  const finished = loop.run();
  closers.push(async () => {
    loop.stop();
    await finished;
  });
  const target = { kind: "inet", family: 4, host: "127.0.0.1", port: await freePort() } as const;
  const check = {
    probe: { kind: "tcp" },
    target,
    tls: null,
    intervalMs: 20,
    timeoutMs: 50,
    retry: 0,
    retryDelayMs: 10,
  } as const;
  checker.configure([{ virtual: "web", real: "one", check, weight: 1 }]);
  await waitFor("results", () => results.length >= 2);
  checker.configure([]);
  const count = results.length;
  expect(await holdsFor(() => results.length === count, 100)).toBe(true);
});

const page: LvsPageConfig = { method: "GET", target: "/", host: null, expect: [[200, 299]], digest: null, regex: null };
const http = (...pages: Partial<LvsPageConfig>[]) =>
  ({ kind: "http", pages: pages.map((each) => ({ ...page, ...each })) }) as const;

function website(answer: (path: string) => Response): number {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) => answer(new URL(request.url).pathname),
  });
  closers.push(() => server.stop(true));
  return server.port ?? 0;
}

test("RealServerChecker asks for every page, and names the one that is not as it should be", async () => {
  const asked: string[] = [];
  const port = website((path) => {
    asked.push(path);
    return path === "/broken" ? new Response("no", { status: 500 }) : new Response(`this is ${path}`);
  });
  const good = http({ target: "/a", regex: { source: "is /a$", mustMatch: true } }, { target: "/b" });
  expect(await verdict(checking({ probe: good }, port))).toBe("true L7OK HTTP 200");
  expect(asked.slice(0, 2)).toEqual(["/a", "/b"]);
  const bad = http({ target: "/a" }, { target: "/broken" }, { target: "/never" });
  expect(await verdict(checking({ probe: bad, retry: 0 }, port))).toBe("false L7STS HTTP 500 (/broken)");
  expect(asked).not.toContain("/never");
});

test.skipIf(Bun.which("genhash") === null)("RealServerChecker takes the digest that genhash prints", async () => {
  const port = website(() => new Response("a page\n".repeat(3000)));
  const hash = Bun.spawn(["genhash", "-s", "127.0.0.1", "-p", String(port), "-u", "/page"], { stdout: "pipe" });
  const [, digest] = /\b([0-9a-f]{32})\b/.exec(await hash.stdout.text()) ?? [];
  await hash.exited;
  expect(digest).toBeDefined();
  const of = (found: string | null) => http({ target: "/page", digest: found });
  expect(await verdict(checking({ probe: of(digest ?? null) }, port))).toBe("true L7OK HTTP 200");
  expect(await verdict(checking({ probe: of("0".repeat(32)), retry: 0 }, port))).toBe(
    `false L7RSP MD5 of the body is ${digest}, wanted ${"0".repeat(32)}`,
  );
});

test("RealServerChecker reads a body that comes in pieces", async () => {
  const port = website(() => {
    const pieces = async function* (): AsyncGenerator<string> {
      for (const piece of ["one ", "two ", "three"]) {
        yield piece;
        await Bun.sleep(5);
      }
    };
    return new Response(pieces as never);
  });
  const probe = http({ regex: { source: "^one two three$", mustMatch: true } });
  expect(await verdict(checking({ probe }, port))).toBe("true L7OK HTTP 200");
});

test("RealServerChecker adds the number in a file to the weight, and goes on with a weight that a reload changed", async () => {
  const directory = mkdtempSync(join(tmpdir(), "ballast-file-check-"));
  closers.push(() => rmSync(directory, { recursive: true }));
  const path = join(directory, "weight");
  const probe = { kind: "file", path, weight: 1 } as const;
  const results = checking({ probe, intervalMs: 10, retry: 0 }, 1);
  expect(await verdict(results)).toBe(`true ${path} says 0`);
  writeFileSync(path, "-4\n");
  await waitFor("a smaller weight", () => results.some((result) => result.up === true && result.weight === 6));
  writeFileSync(path, "-254\n");
  await waitFor("down", () => results.at(-1)?.up === false);
  writeFileSync(path, "7\n");
  await waitFor("a larger weight", () => results.at(-1)?.weight === 17);
});
