/** TLS of checks: of proxy servers and of real servers. */
import { expect, test } from "bun:test";
import { parseConfig } from "../../../src/config/parse.ts";
import type { CheckTlsConfig } from "../../../src/config/types-proxy.ts";
import { testEnvironment } from "./test-environment.ts";

function backendTls(check: string): CheckTlsConfig | undefined | readonly string[] {
  const text = `[listen.web]\nbind = ["127.0.0.1:80"]\nservers = [{ address = "192.0.2.1:443", check = ${check} }]\n`;
  const { config, issues } = parseConfig(text, testEnvironment());
  return config === null ? issues.map(({ message }) => message) : config.backends[0]?.servers[0]?.check?.tls;
}

test.each([
  ["{ tls = true }", { verify: false, serverName: null }],
  ['{ http = "GET /", host = "www.example.com:8443", tls = true }', { verify: false, serverName: "www.example.com" }],
  ['{ http = "GET /", host = "192.0.2.9", tls = true }', { verify: false, serverName: null }],
  ['{ tls = { verify = true, name = "a.example" } }', { verify: true, serverName: "a.example" }],
  ["{ tls = false }", undefined],
  ["{ tls = { verify = true } }", ['has no "name" that the certificate must carry']],
])("parseConfig reads check = %s", (check, expected) => {
  expect(backendTls(check)).toEqual(expected);
});
