/** Hooks and alerts of the whole appliance with VRRP, in a network namespace. Skipped without root. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, chownSync, readFileSync } from "node:fs";
import {
  type Appliance,
  applianceFile,
  applianceFiles,
  startAppliance,
  stopAppliances,
} from "../../support/appliance.ts";
import { ballastBinary } from "../../support/binary.ts";
import { makeCertificate, SmtpServer, unfolded } from "../../support/mail.ts";
import { canMakeNamespaces, makeNetwork, type Network } from "../../support/netns.ts";
import { startProcess } from "../../support/process.ts";
import { holdsFor, waitFor } from "../../support/wait.ts";
import { Folder } from "./programs.ts";

const TEST_MS = 40_000;

let network: Network;
let folder: Folder;

beforeEach(async () => {
  folder = new Folder();
});

afterEach(async () => {
  await stopAppliances();
  await network.close();
  folder.remove();
});

function inside(): readonly string[] {
  return ["ip", "netns", "exec", network.node("a").namespace];
}

function instance(more: string): string {
  return `[vrrp.VI_1]
interface = "eth0"
virtual_router_id = 51
priority = 150
version = 3
advert_interval = "100ms"
addresses = ["192.0.2.10/24"]
${more}
`;
}

function lines(name: string): readonly string[] {
  return folder.read(name).split("\n").slice(0, -1);
}

async function hooksHaveRun(appliance: Appliance, count: number): Promise<void> {
  await waitFor(`${count} hooks to have run`, async () => {
    const events = await appliance.events();
    return events.filter(({ kind }) => kind === "hook.run").length >= count;
  });
}

describe.skipIf(!canMakeNamespaces)("the appliance", () => {
  test(
    "runs hooks in order on start, failover, fault and stop, as their user, and the last one before it ends",
    async () => {
      network = await makeNetwork("bvntf", { a: "192.0.2.1/24" });
      // The hooks run as nobody and write here.
      chmodSync(folder.path, 0o777);
      const any = folder.script("any", `echo "$* $(id -un) $BALLAST_STATE" >>${folder.file("log")}`);
      const master = folder.script("master", `echo "master $#" >>${folder.file("log")}`);
      const fifo = folder.file("fifo");
      const notify = `notify = { any = "${any}", master = "${master}", fifo = "${fifo}", user = "nobody" }`;
      const appliance = await startAppliance(instance(notify), { prefix: inside() });
      await hooksHaveRun(appliance, 3);
      expect(lines("log")).toEqual([
        "INSTANCE VI_1 BACKUP 150 nobody backup",
        "master 0",
        "INSTANCE VI_1 MASTER 150 nobody master",
      ]);
      await network.cable("a", false);
      await hooksHaveRun(appliance, 4);
      expect(lines("log")[3]).toBe("INSTANCE VI_1 FAULT 150 nobody fault");
      const reader = network.node("a").start(["timeout", "1", "cat", fifo]);
      await reader.exited;
      expect(reader.stdout()).toBe(
        'INSTANCE "VI_1" BACKUP 150\nINSTANCE "VI_1" MASTER 150\nINSTANCE "VI_1" FAULT 150\n',
      );
      expect(await appliance.process.stop()).toBe(0);
      expect(lines("log").slice(4)).toEqual(["INSTANCE VI_1 STOP 150 nobody init"]);
    },
    TEST_MS,
  );

  test(
    "never lets a hook that hangs delay the protocol",
    async () => {
      network = await makeNetwork("bvntf", { a: "192.0.2.1/24", c: "192.0.2.3/24" });
      const hang = folder.script("hang", "sleep 60");
      const appliance = await startAppliance(instance(`notify = { any = "${hang}", user = "root" }`), {
        prefix: inside(),
      });
      await waitFor("the VIP", async () => (await network.node("a").addresses()).includes("192.0.2.10/24"));
      const sent = async (): Promise<number> => (await appliance.snapshot()).vrrp[0]!.advertsSent;
      const before = await sent();
      await waitFor("twenty adverts", async () => (await sent()) >= before + 20);
      expect((await appliance.snapshot()).vrrp[0]!.state).toBe("master");
      appliance.process.signal("SIGTERM");
      await waitFor("the VIP to go", async () => !(await network.node("a").addresses()).includes("192.0.2.10/24"));
      // The hook gets five seconds when all the rest has ended, and none with a second signal.
      expect(await holdsFor(() => appliance.process.exitCode() === null, 500)).toBe(true);
      const askedAgainMs = performance.now();
      appliance.process.signal("SIGTERM");
      expect(await appliance.process.exited).toBe(0);
      expect(performance.now() - askedAgainMs).toBeLessThan(4000);
    },
    TEST_MS,
  );

  test.skipIf(Bun.which("setpriv") === null)(
    "without root runs hooks as whom it runs as itself, and gives its capabilities to none",
    async () => {
      network = await makeNetwork("bvntf", { a: "192.0.2.1/24" });
      const log = folder.file("log");
      const script = folder.script(
        "caps",
        `ls /proc/$$/fd >${log}; grep -E '^(Uid|Cap|NoNew)' /proc/$$/status >>${log}`,
      );
      const files = applianceFiles();
      applianceFile(files, instance(`notify = { master = "${script}" }`));
      for (const path of [folder.path, files.folder, files.config]) chownSync(path, 65_534, 65_534);
      const rights = ["--inh-caps=+net_admin,+net_raw", "--ambient-caps=+net_admin,+net_raw"];
      const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", ...rights];
      const started = startProcess([...inside(), ...nobody, ballastBinary(), "-c", files.config, "run"]);
      await waitFor("the hook", () => /NoNewPrivs/.test(folder.read("log")), 15_000).catch((error: unknown) => {
        throw new Error(`${String(error)}\n${started.stderr()}`);
      });
      const status = folder.read("log").replace(/[\t ]+/g, " ");
      expect(status).toContain("Uid: 65534 65534 65534 65534\n");
      for (const set of ["CapInh", "CapPrm", "CapEff", "CapAmb"])
        expect(status).toContain(`${set}: 0000000000000000\n`);
      expect(status.split("\n").filter((line) => /^\d$/.test(line))).toEqual(["0", "1", "2"]);
      expect(await started.stop()).toBe(0);
    },
    TEST_MS,
  );

  test(
    "sends mail over STARTTLS with a login from a role without rights, also that it stops",
    async () => {
      network = await makeNetwork("bvntf", { a: "192.0.2.1/24" });
      const certificate = await makeCertificate();
      await Bun.write(folder.file("ca.pem"), certificate.cert);
      await Bun.write(folder.file("password"), "geheim\n");
      chmodSync(folder.file("password"), 0o600);
      const server = await SmtpServer.start(
        { ...certificate, tls: "starttls", user: "lb", password: "geheim" },
        inside(),
      );
      const alerts = `[alerts]
events = ["vrrp.state", "role.exit", "appliance.stop"]
[alerts.email]
from = "lb@example.com"
to = ["ops@example.com"]
server = "127.0.0.1:${server.port}"
user = "lb"
password = { file = "${folder.file("password")}" }
ca = "${folder.file("ca.pem")}"
`;
      const appliance = await startAppliance(instance("") + alerts, { prefix: inside() });
      const first = await server.mail(1);
      expect(first.secure).toBe(true);
      expect(unfolded(first)).toMatch(/^Subject: \[test\] vrrp\.state: VI_1 /m);

      const status = readFileSync(`/proc/${appliance.pidOf("notify")}/status`, "utf8");
      expect(status).toMatch(/^CapEff:\s+0000000000000000$/m);
      expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
      expect(status).not.toMatch(/^Uid:\s+0\s/m);

      const shown = await appliance.cli(["show", "config", "--defaults"]);
      expect(shown.stdout).toContain("lb@example.com");
      expect(shown.stdout).not.toContain("geheim");

      process.kill(appliance.pidOf("notify")!, "SIGKILL");
      await waitFor("mail about the role's own end", () =>
        server.mails.some((mail) => unfolded(mail).includes("role.exit: notify ended with signal SIGKILL")),
      );
      const mailsBefore = server.mails.length;
      expect(await appliance.process.stop()).toBe(0);
      const last = await waitFor("the last mail", () => server.mails.slice(mailsBefore).at(-1));
      expect(unfolded(last)).toContain("appliance.stop");
      expect(unfolded(last)).toContain("vrrp.state: VI_1");
    },
    TEST_MS,
  );
});
