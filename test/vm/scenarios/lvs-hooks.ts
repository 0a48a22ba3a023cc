/**
 * What virtual servers have programs run for, and when: commands on changes, alpha, omega and ha_suspend; checks that
 * speak HTTPS, SMTP, DNS, UDP and ICMP with real servers; the end of the last virtual server; SCTP.
 */
import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { makeCertificate } from "../../support/mail.ts";
import { holdsFor, waitFor } from "../../support/wait.ts";
import { type BallastDirector, startBallast } from "../guest/ballast.ts";
import { type DrSite, openDrSite, VIP } from "../guest/dr-site.ts";
import { type ServiceName, servicePorts, type Services, startServices } from "../guest/services-orders.ts";
import { scenario } from "../guest/scenario.ts";
import { destinationsOf, holdsAddress, tally } from "../guest/table.ts";

const PATIENCE_MS = 20_000;
/** Leaves this node while its instance is in maintenance. */
const MOVING_VIP = "192.168.168.13";
const WEB_PORT = 8080;
const SCTP_PORT = 9999;
const WEB = `${VIP}:${WEB_PORT}`;
const MOVING = `${MOVING_VIP}:${WEB_PORT}`;
/** Far longer than any check here takes. */
const DRAIN_MS = 60_000;
const FOLDER = "/tmp/lvs-hooks";
const LOG = `${FOLDER}/log`;
const RECORD = `${FOLDER}/record`;

interface Site extends DrSite {
  readonly director: BallastDirector;
  readonly services: readonly Services[];
  /** Lines of the log that were looked at. */
  seen: number;
}

const instances = `
[vrrp.stays]
interface = "eth0"
virtual_router_id = 51
version = 3
advert_interval = "200ms"
addresses = ["${VIP}/32"]

[vrrp.moves]
interface = "eth0"
virtual_router_id = 52
version = 3
advert_interval = "200ms"
addresses = ["${MOVING_VIP}/32"]
`;

const check = 'interval = "300ms", timeout = "1s", retry = 0';

/** A service on the VIP with both real servers; its weights begin at nothing, so that only its check brings them in. */
function virtualServer(name: string, address: string, site: DrSite, rows: string): string {
  const port = address.split(":")[1];
  const reals = site.servers.map(({ node }) => `{ name = "${node.name}", address = "${node.address}:${port}" }`);
  return `
[virtual_server.${name}]
address = "${address}"
scheduler = "rr"
alpha = true
real_servers = [${reals.join(", ")}]
${rows}
`;
}

function virtualServers(site: DrSite): string {
  const of = (name: string, port: number, rows: string): string => virtualServer(name, `${VIP}:${port}`, site, rows);
  const notify = `
[virtual_server.web.notify]
up = "${RECORD} up first"
down = "${RECORD} down"
quorum_up = "${RECORD} quorum_up"
quorum_down = ["${RECORD}", "quorum_down", "two words"]
user = "root"
`;
  return [
    of("web", WEB_PORT, `omega = true\nquorum = 2\ncheck = { tcp = true, ${check} }\n${notify}`),
    virtualServer("moving", MOVING, site, `ha_suspend = true\ncheck = { tcp = true, ${check} }`),
    of("https", servicePorts.https, `check = { http = "GET /health", tls = true, ${check} }`),
    of("smtp", servicePorts.smtp, `check = { smtp = "director.example", ${check} }`),
    of("dns", servicePorts.dns, `protocol = "udp"\ncheck = { dns = "example.com", ${check} }`),
    of("udp", servicePorts.udp, `protocol = "udp"\ncheck = { udp = true, ${check} }`),
    of("sctp", SCTP_PORT, `protocol = "sctp"\ncheck = { ping = true, ${check} }`),
    `[ipvs]\ndrain_timeout = "${DRAIN_MS}ms"\ntimeouts = { tcp_fin = "1s" }\n`,
  ].join("\n");
}

async function openSite(): Promise<Site> {
  const site = await openDrSite();
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(
    RECORD,
    `#!/bin/sh\necho "$#: $*, $BALLAST_VIRTUAL_SERVER $BALLAST_REAL_SERVER $BALLAST_STATE" >>${LOG}\n`,
  );
  chmodSync(RECORD, 0o755);
  const certificate = await makeCertificate();
  const services = await Promise.all(site.servers.map(({ node }) => startServices(node, certificate)));
  const director = await startBallast(site.directors[0], instances + virtualServers(site));
  return { ...site, services, director, seen: 0 };
}

async function eventually(site: Site, what: string, condition: () => Promise<boolean>): Promise<void> {
  await waitFor(what, condition, PATIENCE_MS).catch(async (error: unknown) => {
    const table = await site.directors[0].run(["ipvsadm", "-Ln"]);
    throw new Error(`${String(error)}\n${table}\n${logged().join("\n")}\n${site.director.log().slice(-3000)}`);
  });
}

function logged(): readonly string[] {
  return existsSync(LOG) ? readFileSync(LOG, "utf8").split("\n").slice(0, -1) : [];
}

/** The hooks have told exactly this since the last look. */
async function told(site: Site, lines: readonly string[]): Promise<void> {
  await eventually(site, "the hooks", async () => logged().length >= site.seen + lines.length);
  assert.deepEqual(logged().slice(site.seen), lines);
  site.seen += lines.length;
}

/** Names of the real servers that get connections of a service. */
async function serving(site: Site, service: string): Promise<string> {
  const active = (await destinationsOf(site.directors[0], service)).filter(({ weight }) => weight > 0);
  const names = site.servers
    .map(({ node }) => node)
    .filter((node) => active.some(({ address }) => address.startsWith(`${node.address}:`)));
  return names.map(({ name }) => name).join(" ");
}

function servedBy(site: Site, service: string, names: string): Promise<void> {
  return eventually(site, `${service} by "${names}"`, async () => (await serving(site, service)) === names);
}

/** One real server falls ill and recovers: its check must see both. */
async function followsHealth(site: Site, service: ServiceName): Promise<void> {
  const address = `${VIP}:${servicePorts[service]}`;
  await servedBy(site, address, "rs1 rs2");
  await site.services[0]!.set(service, "sick");
  await servedBy(site, address, "rs2");
  await site.services[0]!.set(service, "well");
  await servedBy(site, address, "rs1 rs2");
}

async function order(site: Site, ...words: readonly string[]): Promise<void> {
  const { code, stderr } = await site.director.appliance.cli(words, PATIENCE_MS);
  assert.equal(code, 0, stderr);
}

async function reload(site: Site, sections: string): Promise<void> {
  site.director.appliance.write(sections);
  await order(site, "reload");
}

const bothUp = ["2: up first, web rs1 up", "2: up first, web rs2 up", "1: quorum_up, web  up"];

export const lvsHooksScenario = scenario("lvs-hooks", openSite, {
  "alpha: nobody serves before a check has passed, and no hook runs": async (site) => {
    await eventually(site, "the VIP", () => holdsAddress(site.directors[0], VIP));
    await servedBy(site, `${VIP}:${servicePorts.https}`, "rs1 rs2");
    assert.equal(await serving(site, WEB), "");
    assert.deepEqual(logged(), []);
  },
  "hooks run in order with their arguments: each real server, then the quorum": async (site) => {
    await site.servers[0].agent.serve(WEB_PORT);
    await told(site, bothUp.slice(0, 1));
    await site.servers[1].agent.serve(WEB_PORT);
    await told(site, bothUp.slice(1));
    await servedBy(site, WEB, "rs1 rs2");
    await site.servers[0].agent.stop(WEB_PORT);
    await told(site, ["1: down, web rs1 down", "2: quorum_down two words, web  down"]);
    await servedBy(site, WEB, "rs2");
    await site.servers[0].agent.serve(WEB_PORT);
    await told(site, [bothUp[0]!, bothUp[2]!]);
  },
  "an HTTPS check takes out who answers 503, and clients get through": async (site) => {
    await followsHealth(site, "https");
    const curl = ["curl", "-sk", "-m", "5", `https://${VIP}/`];
    const names = [await site.clientNode.run(curl), await site.clientNode.run(curl)];
    assert.deepEqual(tally(names), { "rs1\n": 1, "rs2\n": 1 });
  },
  "an SMTP check takes out who greets with 421": (site) => followsHealth(site, "smtp"),
  "a DNS check takes out who answers SERVFAIL": (site) => followsHealth(site, "dns"),
  "a UDP check takes out who has closed the port": (site) => followsHealth(site, "udp"),
  "SCTP associations are spread over the real servers": async (site) => {
    const script = resolve(import.meta.dir, "../guest/sctp.ts");
    for (const { node } of site.servers) {
      const server = node.start([process.execPath, script, "serve", node.name, VIP, String(SCTP_PORT)]);
      await server.waitForOutput(/sctp ready/);
    }
    await servedBy(site, `${VIP}:${SCTP_PORT}`, "rs1 rs2");
    const asked = ["timeout", "20", process.execPath, script, "ask", VIP, String(SCTP_PORT), "4"];
    const names = (await site.clientNode.run(asked, PATIENCE_MS)).trim().split("\n");
    assert.deepEqual(tally(names), { rs1: 2, rs2: 2 });
  },
  "ha_suspend: without the address nothing is checked, with it again": async (site) => {
    await servedBy(site, MOVING, "rs1 rs2");
    await order(site, "vrrp", "maint", "moves");
    await eventually(site, "the VIP to go", async () => !(await holdsAddress(site.directors[0], MOVING_VIP)));
    await site.servers[0].agent.stop(WEB_PORT);
    await servedBy(site, WEB, "rs2");
    assert.ok(await holdsFor(async () => (await serving(site, MOVING)) === "rs1 rs2", 1000));
    await order(site, "vrrp", "resume", "moves");
    await servedBy(site, MOVING, "rs2");
    await site.servers[0].agent.serve(WEB_PORT);
    await servedBy(site, MOVING, "rs1 rs2");
    await servedBy(site, WEB, "rs1 rs2");
  },
  "a reload without virtual servers drains: a connection goes on, new ones find nobody": async (site) => {
    await site.client.hold("last", VIP, WEB_PORT);
    const name = await site.client.say("last");
    assert.match(name, /^rs/);
    await reload(site, instances);
    await eventually(site, "weight 0", async () => (await serving(site, WEB)) === "");
    assert.equal(await site.client.say("last"), name);
    const [refusal] = await site.client.ask(VIP, WEB_PORT);
    assert.doesNotMatch(refusal!, /^rs/);
    assert.equal(await site.client.say("last"), name);
    assert.notEqual((await destinationsOf(site.directors[0], WEB)).length, 0);
  },
  "virtual servers that come back while that drains serve at once, and the connection goes on": async (site) => {
    await reload(site, instances + virtualServers(site));
    const fromMs = performance.now();
    await servedBy(site, WEB, "rs1 rs2");
    assert.ok(performance.now() - fromMs < DRAIN_MS / 2, "it waited for the drain");
    assert.deepEqual(tally(await site.client.ask(VIP, WEB_PORT, 4)), { rs1: 2, rs2: 2 });
    assert.match(await site.client.say("last"), /^rs/);
  },
  "a drain ends with the last connection, and the VIP stays": async (site) => {
    await reload(site, instances);
    await site.client.drop("last");
    await eventually(site, "no service", async () => !(await site.directors[0].run(["ipvsadm", "-Sn"])).includes(WEB));
    assert.ok(await holdsAddress(site.directors[0], VIP));
    await reload(site, instances + virtualServers(site));
    await servedBy(site, WEB, "rs1 rs2");
  },
  "omega: the down hooks run before the appliance has ended": async (site) => {
    await site.director.stop();
    assert.deepEqual(logged().slice(-3), [
      "1: down, web rs1 down",
      "1: down, web rs2 down",
      "2: quorum_down two words, web  down",
    ]);
  },
});
