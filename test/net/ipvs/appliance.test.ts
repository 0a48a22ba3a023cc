/** The whole program with virtual servers, in a network namespace: what it says and runs, with or without IPVS in the kernel. */
import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, writeFileSync } from "node:fs";
import { type Appliance, startAppliance, stopAppliances } from "../../support/appliance.ts";
import { makeCertificate } from "../../support/mail.ts";
import { canMakeNamespaces, makeNetwork, type Network } from "../../support/netns.ts";
import { TEST_LIMIT_MS, waitFor } from "../../support/wait.ts";
import { Folder } from "../notify/programs.ts";

setDefaultTimeout(TEST_LIMIT_MS);

let network: Network;
let folder: Folder;

beforeEach(async () => {
  folder = new Folder();
  // Hooks run as nobody and write here.
  chmodSync(folder.path, 0o777);
  network = await makeNetwork("bvlvs", { a: "192.0.2.1/24" });
});

afterEach(async () => {
  await stopAppliances();
  await network.close();
  folder.remove();
});

/** One real server that a number in a file takes up and down, one that is never there. */
function farm(more = ""): string {
  const hook = folder.script(
    "hook",
    `echo "$* $(id -un) $BALLAST_VIRTUAL_SERVER $BALLAST_REAL_SERVER" >>${folder.file("log")}`,
  );
  return `[virtual_server.farm]
address = "192.0.2.10:80"
omega = true
real_servers = [
  { name = "one", address = "192.0.2.11:80", check = { file = { path = "${folder.file("down")}", weight = 0 }, interval = "100ms" } },
  { name = "two", address = "192.0.2.12:80", check = { tcp = true, address = "127.0.0.1", port = 9, interval = "100ms", retry = 0 } },
]
notify = { up = "${hook} up", down = "${hook} down", quorum_up = "${hook} gained", quorum_down = "${hook} lost", user = "nobody" }
${more}
`;
}

function start(config: string): Promise<Appliance> {
  return startAppliance(config, { prefix: ["ip", "netns", "exec", network.node("a").namespace] });
}

function write(value: number): void {
  writeFileSync(folder.file("down"), `${value}\n`);
}

/** Lines of the hooks; two real servers that go down at once come in either order. */
async function hooks(count: number): Promise<readonly string[]> {
  const lines = (): readonly string[] => folder.read("log").split("\n").slice(0, -1);
  await waitFor(`${count} hooks`, () => lines().length >= count);
  return lines();
}

describe.skipIf(!canMakeNamespaces)("the appliance with virtual servers", () => {
  test("runs the hooks of a virtual server in order as their user, shows it, and runs omega's before it ends", async () => {
    const appliance = await start(farm());
    expect(await hooks(1)).toEqual(["down nobody farm two"]);
    write(1);
    expect((await hooks(3)).slice(1)).toEqual(["down nobody farm one", "lost nobody farm "]);
    const dead = await waitFor("the snapshot", async () => {
      const { lvs } = await appliance.snapshot();
      return lvs?.virtualServers[0]?.hasQuorum === false ? lvs.virtualServers[0] : undefined;
    });
    expect(dead.realServers.map(({ name, health }) => `${name} ${health}`)).toEqual(["one down", "two down"]);
    const listed = await appliance.cli(["ls", "lvs"]);
    expect(listed.stdout).toMatch(/^farm +tcp 192\.0\.2\.10:80 +NO QUORUM/m);
    expect((await appliance.cli(["show", "farm/two"])).stdout).toMatch(/^real server farm\/two\n[^]*health +down/);
    expect((await appliance.cli(["status"])).stdout).toContain("virtual server farm has no quorum: weight 0 of 1");
    write(0);
    expect((await hooks(5)).slice(3)).toEqual(["up nobody farm one", "gained nobody farm "]);
    expect(await appliance.process.stop()).toBe(0);
    expect((await hooks(7)).slice(5)).toEqual(["down nobody farm one", "lost nobody farm "]);
  });

  test("a director that gets other rights with a reload does not run omega's commands", async () => {
    const appliance = await start(farm());
    await hooks(1);
    const before = appliance.pidOf("director");
    appliance.write(`${farm()}[virtual_server.other]
address = "192.0.2.10:81"
real_servers = [{ address = "192.0.2.11:81", check = { ping = true } }]
`);
    expect((await appliance.cli(["reload"])).code).toBe(0);
    await appliance.nextOf("director", before);
    await waitFor("both", async () => (await appliance.snapshot()).lvs?.virtualServers.length === 2);
    expect((await hooks(1)).filter((line) => line !== "down nobody farm two")).toEqual([]);
  });

  test("a reload that takes the last virtual server away says what becomes of its connections", async () => {
    const appliance = await start(farm('[ipvs]\ndrain_timeout = "10s"'));
    await hooks(1);
    appliance.write("");
    const { code, stdout } = await appliance.cli(["reload"]);
    expect([code, stdout]).toEqual([
      0,
      expect.stringContaining("no virtual server is left: their connections have 10s to end"),
    ]);
    await waitFor("the director to end", async () => {
      const { lvs, processes } = await appliance.snapshot();
      return lvs === undefined && !processes.some(({ name }) => name.startsWith("director"));
    });
  });

  test("checks pages over TLS as the user that the director runs as", async () => {
    const certificate = await makeCertificate();
    const [key, cert] = [folder.file("key.pem"), folder.file("cert.pem")];
    writeFileSync(key, certificate.key);
    writeFileSync(cert, certificate.cert);
    const server = ["openssl", "s_server", "-accept", "192.0.2.1:8443", "-www", "-key", key, "-cert", cert, "-quiet"];
    network.node("a").start(server);
    const check = (more: string): string =>
      `{ http = ["GET /", { request = "GET /again", ${more} }], tls = true, address = "192.0.2.1", port = 8443, interval = "200ms", retry = 0 }`;
    const appliance = await start(`[virtual_server.shop]
address = "192.0.2.10:443"
alpha = true
real_servers = [
  { name = "good", address = "192.0.2.11", check = ${check('regex = "(?:Secure Renegotiation|Ciphers supported)"')} },
  { name = "wrong", address = "192.0.2.12", check = ${check(`digest = "${"0".repeat(32)}"`)} },
]
`);
    const reals = await waitFor("verdicts", async () => {
      const found = (await appliance.snapshot()).lvs?.virtualServers[0]?.realServers ?? [];
      return found.some(({ health }) => health === "up") && found.every(({ checkInfo }) => checkInfo !== "")
        ? found
        : null;
    });
    expect(reals.map(({ name, health }) => `${name} ${health}`)).toEqual(["good up", "wrong down"]);
    expect(reals[1]?.checkInfo).toMatch(/^L7RSP MD5 of the body is [0-9a-f]{32}, wanted 0{32} \(\/again\)$/);
  });
});
