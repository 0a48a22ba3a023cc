/** `ballast lvs` beside ipvsadm on the same kernel table: files both ways, listings, drain, refusals. */
import assert from "node:assert/strict";
import { run } from "../../support/process.ts";
import { waitFor } from "../../support/wait.ts";
import { ballast, ballastTable, binary, mustBallast } from "../guest/ballast.ts";
import { openRoutedSite, OTHER_PORT, ownVip, type RoutedSite, SERVER_PORT, VIP } from "../guest/routed-site.ts";
import { scenario } from "../guest/scenario.ts";
import { destinationOf } from "../guest/table.ts";
import { clearTable, feed, ipvsadm } from "../guest/table-tool.ts";

const PATIENCE_MS = 15_000;
const EXIT_BAD_FILE = 78;
const EXIT_NOT_PERMITTED = 77;
const EXIT_TIMED_OUT = 75;

/** What the tutorial's readers saved with ipvsadm-save. */
const TUTORIAL = [
  "-A -t 192.168.168.12:80 -s rr",
  "-a -t 192.168.168.12:80 -r 192.168.168.102:80 -g -w 1",
  "-a -t 192.168.168.12:80 -r 192.168.168.103:80 -g -w 1",
];

/** Every form of a rule that ipvsadm itself saves. */
const EVERYTHING = [
  ...TUTORIAL,
  "-A -u 192.0.2.20:53 -s wrr -o",
  "-a -u 192.0.2.20:53 -r 198.51.100.1:5353 -m -w 2",
  "-A --sctp-service 192.0.2.20:9 -s wlc",
  "-A -t 192.0.2.20:443 -s sh -p 600 -M 255.255.255.0 -b sh-fallback,sh-port",
  "-a -t 192.0.2.20:443 -r 198.51.100.1:443 -i -w 1 --tun-type ipip",
  "-a -t 192.0.2.20:443 -r 198.51.100.2:443 -i -w 1 --tun-type gue --tun-port 6080 --tun-csum",
  "-a -t 192.0.2.20:443 -r 198.51.100.3:443 -i -w 0 --tun-type gre --tun-nocsum",
  "-A -t 192.0.2.20:8443 -s mh -b mh-port",
  "-A -u 192.0.2.20:5060 -s rr -p 60 --pe sip",
  "-A -t [2001:db8::20]:80 -s lc -p 300 -M 64",
  "-a -t [2001:db8::20]:80 -r [2001:db8:1::1]:8080 -m -w 100",
  "-A -f 10 -s lblcr",
  "-a -f 10 -r 198.51.100.1:0 -g -w 65535",
  "-A -f 11 -6 -s dh",
  "-a -f 11 -6 -r [2001:db8:1::1]:0 -g -w 1",
];

/** Seconds pass between two listings. */
function withoutExpiry(listing: string): string[] {
  return listing.split("\n").map((line) => line.replace(/\b\d\d:\d\d\b/, "--:--"));
}

async function savedBy(site: RoutedSite, restore: () => Promise<void>): Promise<string> {
  await clearTable(site.director);
  await restore();
  return site.director.run(["ipvsadm", "-S", "-n"]);
}

async function openSite(): Promise<RoutedSite> {
  const site = await openRoutedSite();
  await ownVip(site, "lo");
  return site;
}

/** A round-robin service on the VIP with all real servers. */
async function serve(site: RoutedSite, port: number): Promise<void> {
  await clearTable(site.director);
  const servers = site.servers.map(({ node }) => `-a -t ${VIP}:${port} -r ${node.address}:${port} -g -w 1`);
  await ballastTable.restore(site.director, [`-A -t ${VIP}:${port} -s rr`, ...servers]);
}

export const lvsCommandScenario = scenario("lvs-command", openSite, {
  "lvs restore fills the table as ipvsadm-restore does": async (site) => {
    const byIpvsadm = await savedBy(site, () => ipvsadm.restore(site.director, EVERYTHING));
    const byBallast = await savedBy(site, () => ballastTable.restore(site.director, EVERYTHING));
    assert.equal(byBallast, byIpvsadm);
    assert.deepEqual(byBallast.split("\n").slice(0, -1).sort(), [...EVERYTHING].sort());
  },
  "lvs ls --ipvsadm prints what ipvsadm -L -n prints": async (site) => {
    assert.equal(
      await mustBallast(site.director, "lvs", "ls", "--ipvsadm"),
      await site.director.run(["ipvsadm", "-Ln"]),
    );
  },
  "lvs save prints what ipvsadm -S -n prints": async (site) => {
    assert.equal(await mustBallast(site.director, "lvs", "save"), await site.director.run(["ipvsadm", "-S", "-n"]));
  },
  "lvs restore of the same file again changes nothing": async (site) => {
    const before = await site.director.run(["ipvsadm", "-S", "-n"]);
    await ballastTable.restore(site.director, EVERYTHING);
    assert.equal(await site.director.run(["ipvsadm", "-S", "-n"]), before);
  },
  "lvs restore of a file with a mistake changes nothing and names the line": async (site) => {
    const before = await site.director.run(["ipvsadm", "-S", "-n"]);
    const rules = ["-A -t 192.0.2.30:80 -s rr", "-a -t 192.0.2.30:80 -r 198.51.100.1:80 -w many"];
    const answer = await feed(site.director, `"${binary}" lvs restore "$1" 2>&1; echo "exit $?"`, rules);
    assert.match(answer, new RegExp(`exit ${EXIT_BAD_FILE}`));
    assert.match(answer, /:2: /);
    assert.equal(await site.director.run(["ipvsadm", "-S", "-n"]), before);
  },
  "lvs restore tells in words what the kernel refuses": async (site) => {
    const answer = await feed(site.director, `"${binary}" lvs restore "$1" 2>&1; echo "exit $?"`, [
      "-A -t 192.0.2.31:80 -s nosuch",
    ]);
    assert.match(answer, /nosuch/);
    assert.match(answer, /exit 1/);
  },
  "lvs refuses somebody without rights with exit 77": async (site) => {
    const user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", binary];
    const { code, stderr } = await run(["ip", "netns", "exec", site.director.namespace, ...user, "lvs", "ls"], 20_000);
    assert.equal(code, EXIT_NOT_PERMITTED, stderr);
  },
  "lvs ls --ipvsadm --stats, --rate and --connections print ipvsadm's figures": async (site) => {
    await serve(site, SERVER_PORT);
    await site.client.ask(VIP, SERVER_PORT, 5);
    const stats = (): Promise<string> => site.director.run(["ipvsadm", "-Ln", "--stats"]);
    await waitFor("the kernel to sum up", async () => / 5 .*\n/.test(await stats()), PATIENCE_MS);
    assert.equal(await mustBallast(site.director, "lvs", "ls", "--ipvsadm", "--stats"), await stats());
    const connections = await mustBallast(site.director, "lvs", "ls", "--ipvsadm", "--connections");
    assert.deepEqual(withoutExpiry(connections), withoutExpiry(await site.director.run(["ipvsadm", "-Lnc"])));
    // Rates fall while they are looked at: they are the same once they have come to rest.
    const rate = (): Promise<string> => site.director.run(["ipvsadm", "-Ln", "--rate"]);
    await waitFor(
      "the same rates from both",
      async () => {
        const before = await rate();
        const printed = await mustBallast(site.director, "lvs", "ls", "--ipvsadm", "--rate");
        return printed === before || printed === (await rate());
      },
      PATIENCE_MS,
    );
  },
  "lvs drain waits for the last connection and no longer": async (site) => {
    // A port of its own: a server that comes back gets its old, ended connections back.
    const port = OTHER_PORT;
    await serve(site, port);
    await site.client.hold("last", VIP, port);
    const name = await site.client.say("last");
    const { node } = site.servers.find((server) => server.node.name === name)!;
    const target = `${VIP}:${port}/${node.address}:${port}`;
    const early = await ballast(site.director, "lvs", "drain", target, "--wait", "1s");
    assert.equal(early.code, EXIT_TIMED_OUT, early.stderr);
    const drained = await destinationOf(site.director, `${VIP}:${port}`, `${node.address}:${port}`);
    assert.equal(drained?.weight, 0);
    assert.equal(await site.client.say("last"), name);
    // Ended connections are remembered for two minutes unless the kernel is told otherwise.
    await site.director.run(["ipvsadm", "--set", "900", "1", "300"]);
    await site.client.drop("last");
    const whole = await ballast(site.director, "lvs", "drain", target, "--wait", "1m");
    assert.equal(whole.code, 0, whole.stderr);
  },
});
