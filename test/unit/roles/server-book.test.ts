import { expect, test } from "bun:test";
import type { ServerState, Verdict } from "../../../src/ipc/messages.ts";
import type { Happening } from "../../../src/admin/api.ts";
import { ServerBook } from "../../../src/roles/server-book.ts";
import { proxyConfig } from "../../support/proxy-config.ts";

function book(): { readonly servers: ServerBook; readonly told: Happening[]; readonly published: ServerState[] } {
  const told: Happening[] = [];
  const published: ServerState[] = [];
  const check = {
    probe: { kind: "tcp" },
    intervalMs: 2000,
    fastIntervalMs: 2000,
    downIntervalMs: 2000,
    timeoutMs: 2000,
    rise: 2,
    fall: 3,
  } as const;
  const config = proxyConfig({
    servers: [
      { name: "s1", check },
      { name: "s2", check },
    ],
  });
  const servers = new ServerBook(config, {
    publish: (state) => void published.push(state),
    tell: (happening) => void told.push(happening),
  });
  return { servers, told, published };
}

function verdict(server: string, health: "up" | "down"): Verdict {
  const words = health === "up" ? "Layer4 check passed" : "Connection refused";
  return {
    backend: "app",
    server,
    health,
    checkStatus: health === "up" ? "L4OK" : "L4CON",
    checkInfo: words,
    checkDurationMs: 1,
    progress: 0,
  };
}

const kinds = (told: readonly Happening[]): readonly string[] => told.map(({ kind, object }) => `${kind} ${object}`);

test("ServerBook tells of a backend that loses its last server and of one that has a server again", () => {
  const { servers, told } = book();
  servers.verdict(verdict("s1", "down"));
  expect(kinds(told)).toEqual(["server.state app/s1"]);
  servers.verdict(verdict("s2", "down"));
  expect(kinds(told)).toEqual(["server.state app/s1", "server.state app/s2", "backend.state app"]);
  expect(told.at(-1)).toMatchObject({ level: "error", text: "backend app has no server available" });
  servers.verdict(verdict("s1", "up"));
  expect(told.at(-1)).toMatchObject({ level: "notice", text: "backend app has a server again" });
});

test("ServerBook counts a drained server as gone for new sessions", () => {
  const { servers, told } = book();
  for (const server of ["s1", "s2"]) {
    servers.order({ op: "server", backend: "app", server, state: "drain", reason: "" }, "root");
  }
  expect(kinds(told)).toEqual(["server.admin app/s1", "server.admin app/s2", "backend.state app"]);
});

test("ServerBook publishes a repeated verdict without telling it again, and ignores servers it does not know", () => {
  const { servers, told, published } = book();
  servers.verdict(verdict("s1", "down"));
  servers.verdict(verdict("s1", "down"));
  servers.verdict(verdict("gone", "down"));
  expect(told).toHaveLength(1);
  expect(published).toHaveLength(2);
});
