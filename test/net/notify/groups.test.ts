/** Hooks of groups, their events and mail about them, of the whole appliance in a network namespace. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { type Appliance, startAppliance, stopAppliances } from "../../support/appliance.ts";
import { SmtpServer, unfolded } from "../../support/mail.ts";
import { canMakeNamespaces, makeNetwork, type Network } from "../../support/netns.ts";
import { waitFor } from "../../support/wait.ts";
import { Folder } from "./programs.ts";

const TEST_MS = 40_000;

let network: Network;
let folder: Folder;

beforeEach(async () => {
  folder = new Folder();
  network = await makeNetwork("bvntr", { a: "192.0.2.1/24" });
});

afterEach(async () => {
  await stopAppliances();
  await network.close();
  folder.remove();
});

function instance(name: string, id: number): string {
  return `[vrrp.${name}]
interface = "eth0"
virtual_router_id = ${id}
version = 3
advert_interval = "100ms"
addresses = ["192.0.2.${id}/24"]
`;
}

/** A group whose programs write what they are told into `log`. */
function group(members: readonly string[], word: string): string {
  const any = folder.script("any", `echo "$*" >>${folder.file("log")}`);
  return `[vrrp_group.G]
members = [${members.map((name) => `"${name}"`).join(", ")}]
notify = { any = "${any} ${word}", user = "root" }
`;
}

function lines(): readonly string[] {
  return folder.read("log").split("\n").slice(0, -1);
}

async function told(...wanted: readonly string[]): Promise<void> {
  await waitFor(`the hooks to tell ${wanted.join(", ")}`, () => lines().length >= wanted.length);
  expect(lines()).toEqual(wanted);
}

/** The newest word about the group. */
async function until(appliance: Appliance, state: string): Promise<void> {
  await waitFor(`the group to be ${state}`, async () => {
    const changes = (await appliance.events()).filter(({ kind }) => kind === "vrrp.group");
    return changes.at(-1)?.fields["to"] === state;
  });
}

async function reload(appliance: Appliance, sections: string): Promise<void> {
  appliance.write(sections);
  const { code, stderr } = await appliance.cli(["reload"]);
  expect(stderr).toBe("");
  expect(code).toBe(0);
}

function start(sections: string): Promise<Appliance> {
  return startAppliance(sections, { prefix: ["ip", "netns", "exec", network.node("a").namespace] });
}

describe.skipIf(!canMakeNamespaces)("the appliance", () => {
  test(
    "tells of a group in maintenance, in fault, and of its end, in the journal and by mail",
    async () => {
      const inside = ["ip", "netns", "exec", network.node("a").namespace];
      const server = await SmtpServer.start({ tls: "none" }, inside);
      const alerts = `[alerts]
events = ["vrrp.group"]
[alerts.email]
from = "lb@example.com"
to = ["ops@example.com"]
server = "127.0.0.1:${server.port}"
starttls = false
`;
      const members = instance("A", 51) + instance("B", 52);
      const appliance = await start(members + group(["A", "B"], "x") + alerts);
      await told("x GROUP G BACKUP 0", "x GROUP G MASTER 0");
      expect(unfolded(await server.mail(1))).toMatch(/^Subject: \[test\] vrrp\.group: G all members lead/m);
      expect((await appliance.cli(["vrrp", "maint"])).code).toBe(0);
      await until(appliance, "maint");
      expect((await appliance.cli(["vrrp", "resume"])).code).toBe(0);
      await until(appliance, "master");
      await network.cable("a", false);
      await until(appliance, "fault");
      const events = await appliance.events();
      expect(events.map(({ id }) => id)).toEqual(events.map((_, index) => index + 1));
      // Each after both members'.
      const kinds = events.filter(({ kind }) => kind === "vrrp.state" || kind === "vrrp.group").map(({ kind }) => kind);
      expect(kinds.slice(0, 3)).toEqual(["vrrp.state", "vrrp.state", "vrrp.group"]);
      expect(kinds.slice(-3)).toEqual(["vrrp.state", "vrrp.state", "vrrp.group"]);
      expect(await appliance.process.stop()).toBe(0);
      // On the way into maintenance the second member may be a backup for a moment: one call more, with the same word.
      const states = lines().filter((line, index, all) => line !== all[index - 1]);
      expect(states).toEqual(
        ["BACKUP", "MASTER", "BACKUP", "MASTER", "FAULT", "STOP"].map((state) => `x GROUP G ${state} 0`),
      );
    },
    TEST_MS,
  );

  test(
    "reloads groups: members and programs change, the group goes, and comes back as what its members are",
    async () => {
      const members = instance("A", 51) + instance("B", 52);
      const appliance = await start(members + group(["A", "B"], "one"));
      const first = ["one GROUP G BACKUP 0", "one GROUP G MASTER 0"];
      await told(...first);
      await reload(appliance, members + group(["A"], "two"));
      await reload(appliance, members);
      await told(...first, "two GROUP G STOP 0");
      await reload(appliance, members + group(["A", "B"], "three"));
      const second = [...first, "two GROUP G STOP 0", "three GROUP G MASTER 0"];
      await told(...second);
      // Members and group go at once.
      await reload(appliance, instance("C", 53));
      await told(...second, "three GROUP G STOP 0");
    },
    TEST_MS,
  );

  test(
    "goes on with a group when the vrrp role was killed: what its members become is told",
    async () => {
      const appliance = await start(instance("A", 51) + instance("B", 52) + group(["A", "B"], "x"));
      const first = ["x GROUP G BACKUP 0", "x GROUP G MASTER 0"];
      await told(...first);
      const pid = appliance.pidOf("vrrp");
      process.kill(pid, "SIGKILL");
      await appliance.nextOf("vrrp", pid);
      await told(...first, ...first);
    },
    TEST_MS,
  );
});
