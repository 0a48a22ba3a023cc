/** The TUI of the built program on a terminal, with daemons that really run: what it shows is compared with what they say. */
import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Appliance, signalPid, startAppliance, stopAppliances, supervisorPid } from "../support/appliance.ts";
import { ballastBinary, isRoot } from "../support/binary.ts";
import { canMakeNamespaces, makeNetwork, type Network } from "../support/netns.ts";
import { freePort } from "../support/ports.ts";
import { hasTmux, openTerminal, type Terminal } from "../support/tmux.ts";
import { TEST_LIMIT_MS, waitFor } from "../support/wait.ts";

setDefaultTimeout(TEST_LIMIT_MS);

let network: Network | null = null;
let terminal: Terminal | null = null;

afterEach(async () => {
  await terminal?.close();
  terminal = null;
  await stopAppliances();
  await network?.close();
  network = null;
});

const VIP = "192.0.2.10/24";

/** Two servers named by their addresses, as the README writes them; nobody answers there and nobody asks. */
const proxy = `[frontend.web]
bind = ["127.0.0.1:${freePort()}"]
default_backend = "app"
[backend.app]
servers = ["127.0.0.1:11", "127.0.0.1:12"]
`;

function site(priority: number): string {
  return `[frontend.web]
bind = ["vip:site:80"]
default_backend = "app"
[backend.app]
servers = ["192.0.2.3:8080"]
[vrrp.site]
interface = "eth0"
virtual_router_id = 51
priority = ${priority}
version = 3
advert_interval = "400ms"
addresses = ["${VIP}"]
track = [{ proxy = true }]
`;
}

async function pair(): Promise<{ readonly a: Appliance; readonly b: Appliance }> {
  network = await makeNetwork("be2et", { a: "192.0.2.1/24", b: "192.0.2.2/24" });
  const inside = (name: string) => ({ prefix: ["ip", "netns", "exec", network!.node(name).namespace] });
  const a = await startAppliance(site(150), inside("a"));
  await waitForState(a, "master");
  const b = await startAppliance(site(100), inside("b"));
  return { a, b };
}

async function waitForState(appliance: Appliance, state: string): Promise<void> {
  await waitFor(`${state}`, async () => (await appliance.snapshot()).vrrp[0]?.state === state);
}

async function waitForVip(name: string): Promise<void> {
  await waitFor(`the address on ${name}`, async () => (await network!.node(name).addresses()).includes(VIP));
}

async function openTui(appliance: Appliance, flags = "", before = ""): Promise<Terminal> {
  terminal = await openTerminal(120, 36);
  await terminal.type(
    `${before} ${ballastBinary()} -S ${appliance.socket} tui --refresh 200ms ${flags}; echo "code=$?"`,
  );
  await terminal.press("Enter");
  await terminal.until("the TUI", (screen) => screen.includes("BALLAST") && screen.includes("q quit"));
  return terminal;
}

describe.skipIf(!hasTmux || !canMakeNamespaces)("tui of a VRRP pair", () => {
  test("hands the address over after its name was typed, shows who has it, and takes it back with undo", async () => {
    const { a, b } = await pair();
    const tui = await openTui(a, "--view vrrp");
    await tui.until("this node as master", (screen) => /● site +MASTER .* this node/.test(screen));
    await tui.type("f");
    const dialog = await tui.until("the dialog", (screen) => screen.includes("Fail over site ?"));
    expect(dialog).toContain("ballast vrrp failover site");
    expect(dialog).toContain(VIP);
    await tui.type("sit");
    await tui.press("Enter");
    // Not the whole name: nothing happens.
    expect((await a.snapshot()).vrrp[0]?.state).toBe("master");
    await tui.type("e");
    await tui.until("the offer", (screen) => screen.includes("Enter failover"));
    await tui.press("Enter");
    const moved = await tui.until(
      "the other node as master",
      (screen) => /· site +BACKUP .* 192\.0\.2\.2 /.test(screen) && screen.includes("U undo"),
    );
    expect(moved).toContain("VIP site BACKUP");
    await waitForState(b, "master");
    await waitForVip("b");
    const [row] = (await a.snapshot()).vrrp;
    const why = await tui.until("why", (screen) => screen.includes(row!.why));
    expect(why).toContain(`priority 0: sent ${row!.priorityZeroSent}, received 0`);
    await tui.type("U");
    await tui.until("this node as master again", (screen) => /● site +MASTER .* this node/.test(screen));
    await waitForVip("a");
  });

  test("says that nobody answers when the daemon is killed, and looks anew at the one after it", async () => {
    const { a, b } = await pair();
    const tui = await openTui(a, "--view vrrp");
    await tui.until("this node as master", (screen) => screen.includes("VIP site MASTER"));
    signalPid(supervisorPid(a), "SIGKILL");
    const lost = await tui.until("the loss", (screen) => screen.includes("daemon lost"));
    expect(lost).toContain("NO ANSWER   last seen: VIP site MASTER");
    await waitForState(b, "master");
    await waitForVip("b");
    const next = network!.node("a").start([ballastBinary(), "-c", a.config, "run"]);
    const back = await tui.until("the daemon again", (screen) => screen.includes("connected to the daemon again"));
    expect(back).not.toContain("NO ANSWER");
    await tui.until("what the new daemon says", (screen) => /site +(BACKUP|MASTER) /.test(screen));
    // The bar of the time in which no daemon ran is empty.
    const seen = await tui.until("the bars", (screen) => /│ MASTER  +[░█]+ │/.test(screen));
    expect(seen).toMatch(/│ BACKUP  +[░█]+ │/);
    next.signal("SIGTERM");
    await next.exited;
  });
});

describe.skipIf(!hasTmux)("tui of a proxy", () => {
  test("drains a server, wants the name for the last one, and undoes", async () => {
    const appliance = await startAppliance(proxy);
    const tui = await openTui(appliance, "--view backends");
    const names = ["127.0.0.1:11", "127.0.0.1:12"];
    await tui.until("both servers by their whole names", (screen) =>
      names.every((name) => screen.includes(`● ${name} `)),
    );
    await tui.type("jd");
    const dialog = await tui.until("the dialog", (screen) => screen.includes("Drain app/127.0.0.1:11 ?"));
    expect(dialog).toContain("from 2 to 1 active server of 2");
    await tui.type("y");
    await tui.until("the first one draining", (screen) => /◌ 127\.0\.0\.1:11 .* DRAIN/.test(screen));
    expect((await appliance.snapshot()).backends[0]!.servers.map(({ admin }) => admin)).toEqual(["drain", "ready"]);
    await tui.type("jm");
    const last = await tui.until("the dialog of the last one", (screen) => screen.includes("to confirm:"));
    expect(last).toContain("nobody is left to serve app");
    await tui.type("127.0.0.1:12");
    await tui.press("Enter");
    await tui.until("the problem", (screen) => screen.includes("backend app has no server that takes traffic"));
    const status = await appliance.cli(["status"]);
    expect(status.stdout).toContain("backend app has no server that takes traffic");
    expect(status.code).toBe(1);
    await tui.type("U");
    await tui.until("the last one back", (screen) => screen.includes("no problems"));
    expect((await appliance.snapshot()).backends[0]!.servers.map(({ admin }) => admin)).toEqual(["drain", "ready"]);
  });

  test(":reload says what is wrong with the file and keeps what runs, then loads the mended one", async () => {
    const appliance = await startAppliance(proxy);
    const tui = await openTui(appliance);
    appliance.write(proxy.replace("servers =", "serverz ="));
    await tui.type(":reload");
    await tui.press("Enter");
    await tui.until("the dialog", (screen) => screen.includes("Reload the configuration ?"));
    await tui.type("y");
    await tui.until("the mistake", (screen) => screen.includes('unknown key "serverz"'));
    await tui.until("the problem", (screen) => /last reload of .* failed/.test(screen));
    expect((await appliance.snapshot()).config.generation).toBe(1);
    appliance.write(proxy.replace('"127.0.0.1:12"', '"127.0.0.1:13"'));
    await tui.type(":reload");
    await tui.press("Enter");
    await tui.until("the dialog", (screen) => screen.includes("Reload the configuration ?"));
    await tui.type("y");
    await tui.until("the new generation", (screen) => screen.includes("generation 2"));
    await tui.type("3");
    await tui.until("the new server", (screen) => screen.includes("127.0.0.1:13"));
  });

  test.skipIf(!isRoot)("is read-only for a user who may only read, and says so", async () => {
    const appliance = await startAppliance(proxy);
    const tui = await openTui(appliance, "--view backends", "setpriv --reuid 65534 --regid 65534 --clear-groups");
    await tui.until("the mark", (screen) => screen.includes("[RO]"));
    await tui.type("jd");
    await tui.until("the reason", (screen) => screen.includes("read-only: this user may only read"));
    expect((await appliance.snapshot()).backends[0]!.servers.map(({ admin }) => admin)).toEqual(["ready", "ready"]);
  });

  test("the frame that --once prints has the figures of status --json", async () => {
    const appliance = await startAppliance(proxy);
    const frame = await appliance.cli(["tui", "--once", "--view", "backends", "--refresh", "100ms"]);
    const status = await appliance.cli(["status", "--json"]);
    expect(frame.code).toBe(0);
    const { backends } = JSON.parse(status.stdout) as Awaited<ReturnType<Appliance["snapshot"]>>;
    for (const server of backends[0]!.servers) expect(frame.stdout).toContain(server.name);
    expect(frame.stdout).toContain("Backends (1) and servers (2)");
  });
});
