/** Certificates that have expired are served, and everybody who looks is told. */
import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { writeFileSync } from "node:fs";
import { applianceFiles, startAppliance, stopAppliances } from "../../support/appliance.ts";
import { freePort } from "../../support/ports.ts";
import { mustRun } from "../../support/process.ts";
import { startToy } from "../../support/toy.ts";
import { TEST_LIMIT_MS } from "../../support/wait.ts";

setDefaultTimeout(TEST_LIMIT_MS);

afterEach(stopAppliances);

async function certificate(folder: string, name: string, notAfter: string): Promise<string> {
  const [key, chain, pem] = ["key", "crt", "pem"].map((ending) => join(folder, `${name}.${ending}`)) as [
    string,
    string,
    string,
  ];
  const request = ["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  const csr = join(folder, `${name}.csr`);
  await mustRun([...request, "-subj", `/CN=${name}`, "-keyout", key, "-out", csr]);
  // openssl x509 takes days only, and a negative number of them makes a certificate that is over.
  await mustRun(["openssl", "x509", "-req", "-in", csr, "-signkey", key, "-days", notAfter, "-out", chain]);
  writeFileSync(pem, (await Bun.file(chain).text()) + (await Bun.file(key).text()));
  return pem;
}

test("an expired certificate is served, told with a warning and stands in status until a reload replaces it", async () => {
  const { folder } = applianceFiles();
  const [old, good] = [await certificate(folder, "old.test", "-1"), await certificate(folder, "good.test", "30")];
  const toy = startToy("toy");
  const port = freePort();
  const sections = (file: string): string => `[frontend.web]
mode = "http"
bind = [{ address = "127.0.0.1:${port}", tls = { certificates = ["${file}"] } }]
default_backend = "app"
[backend.app]
mode = "http"
servers = [{ name = "s1", address = "${toy.address}", check = false }]
`;
  try {
    const appliance = await startAppliance(sections(old), { global: "workers = 2\n" });
    const answer = await fetch(`https://127.0.0.1:${port}/`, { tls: { rejectUnauthorized: false } });
    expect(answer.status).toBe(200);
    const told = (await appliance.events()).filter(({ kind }) => kind === "proxy.certificate");
    expect(told.map(({ level, object }) => [level, object])).toEqual([["warning", "web"]]);
    expect(told[0]!.text).toContain(`frontend.web.bind[0]: ${old}: expired on `);
    const { problems } = await appliance.snapshot();
    expect(problems.map(({ object, text }) => [object, text])).toEqual([["web", told[0]!.text]]);
    appliance.write(sections(good), "workers = 2\n");
    expect((await appliance.cli(["reload"])).code).toBe(0);
    expect((await appliance.snapshot()).problems).toEqual([]);
  } finally {
    toy.stop();
  }
});
