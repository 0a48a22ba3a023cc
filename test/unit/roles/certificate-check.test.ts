/** What `ballast check` says about certificates, over real files. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseConfig } from "../../../src/config/parse.ts";
import { checkCertificates } from "../../../src/roles/certificate-check.ts";
import { type Certificate, makeCertificate } from "../../support/mail.ts";
import { testEnvironment } from "../config/test-environment.ts";

let directory = "";
let own: Certificate;
let other: Certificate;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "ballast-certificates-"));
  [own, other] = await Promise.all([makeCertificate(), makeCertificate()]);
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Problems of a listener with this file; null: there is none. */
function problemsOf(pem: string | null): readonly string[] {
  const path = join(directory, "site.pem");
  rmSync(path, { force: true });
  if (pem !== null) writeFileSync(path, pem);
  const { config } = parseConfig(
    `[listen.web]\nbind = { address = "127.0.0.1:443", tls = { certificates = ["${path}"] } }\nservers = ["127.0.0.1:80"]`,
    testEnvironment(),
  );
  if (config === null) throw new Error("the configuration is broken");
  return checkCertificates("ballast.toml", config).map(({ severity, message }) => `${severity}: ${message}`);
}

describe("checkCertificates", () => {
  test("has nothing to say about a certificate with its key", () => {
    expect(problemsOf(own.cert + own.key)).toEqual([]);
  });

  test("finds what would keep the workers from starting", () => {
    expect(problemsOf(null)[0]).toMatch(/^error: .*cannot read .*ENOENT/);
    expect(problemsOf("nothing")[0]).toMatch(/^error: .*has no certificate/);
    expect(problemsOf(own.cert)[0]).toMatch(/^error: .*has no private key: chain and key stand in one file/);
    expect(problemsOf(own.cert + other.key)[0]).toMatch(/^error: .*does not belong to the certificate/);
  });
});
