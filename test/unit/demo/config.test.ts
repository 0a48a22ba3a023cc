import { expect, test } from "bun:test";
import { benchCases } from "../../../scripts/bench/cases.ts";
import { ballastConfig } from "../../../scripts/bench/configs.ts";
import type { Config } from "../../../src/config/types.ts";
import { parseConfig } from "../../../src/config/parse.ts";
import { haToml, localToml } from "../../../src/demo/config.ts";
import { err } from "../../../src/lib/result.ts";
import { projectRoot } from "../../support/binary.ts";

/** Parses and fails with everything that is wrong, warnings too: these files are examples for others. */
function valid(text: string): Config {
  const parsed = parseConfig(text, {
    path: "ballast.toml",
    readFile: () => err("no such file"),
    env: {},
    hostName: "lb1",
    cpuCount: 2,
    fdLimit: 20_000,
  });
  expect(parsed.issues).toEqual([]);
  return parsed.config!;
}

const servers = [
  { name: "one", address: "127.0.0.1:8001" },
  { name: "two", address: "127.0.0.1:8002" },
];

test("localToml is a configuration without issues", () => {
  const files = { socket: "/tmp/a/b.sock", logFile: "/tmp/a/b.log", bind: "127.0.0.1:8080" };
  const config = valid(localToml({ ...files, servers }));
  expect(config.backends[0]!.servers.map(({ name }) => name)).toEqual(["one", "two"]);
  expect(config.backends[0]!.servers[0]!.check).toMatchObject({ intervalMs: 500, rise: 2, fall: 2 });
});

test("haToml ties the frontend to the virtual address and the address to the proxy", () => {
  const files = { socket: "/tmp/a/b.sock", logFile: "/tmp/a/b.log" };
  const vrrp = { name: "a", interface: "eth0", priority: 150, vip: "10.77.0.100/24" };
  const config = valid(haToml({ ...files, ...vrrp, servers }));
  expect(config.frontends[0]!.binds[0]).toMatchObject({ freebind: true, address: { host: "10.77.0.100", port: 80 } });
  expect(config.vrrp[0]).toMatchObject({ version: 3, advertIntervalMs: 100, tracks: [{ kind: "proxy", weight: 0 }] });
});

for (const bench of benchCases) {
  test(`bench case ${bench.name} is a configuration without issues`, () => {
    const paths = { certificate: "/tmp/a/bench.pem", folder: "/tmp/a" };
    const config = valid(ballastConfig({ bench, port: 8080, backendPort: 8001, workers: 1, ...paths }));
    expect(config.frontends[0]!.binds[0]!.tls !== null).toBe(bench.tls);
    expect(config.frontends[0]!.options.log).toBeNull();
  });
}

test("the README's configuration is a configuration without issues", async () => {
  const readme = await Bun.file(`${projectRoot}/README.md`).text();
  const block = /```toml\n([\s\S]*?)```/.exec(readme)![1]!;
  expect(block.split("\n").filter((line) => line.trim() !== "").length).toBeLessThanOrEqual(15);
  expect(valid(block).vrrp[0]!.tracks).toEqual([{ kind: "proxy", weight: 0 }]);
});
