/**
 * Orders hold until `ballast vrrp resume`, whatever happens to the process or the instance that was told. In the whole
 * appliance: it is the supervisor that remembers. Skipped without root; wants the built program.
 */
import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Appliance, signalPid, startAppliance, stopAppliances } from "../support/appliance.ts";
import { canMakeNamespaces, makeNetwork, type Network } from "../support/netns.ts";
import { holdsFor, TEST_LIMIT_MS, waitFor } from "../support/wait.ts";

setDefaultTimeout(TEST_LIMIT_MS);

let network: Network | null = null;

afterEach(async () => {
  await stopAppliances();
  await network?.close();
  network = null;
});

/** Longer than the better node needs to take the VIP back: its down time is 1.4 s. */
const RETURN_MS = 3000;

function site(priority: number, more = ""): string {
  return (
    `[vrrp.web]\ninterface = "eth0"\nvirtual_router_id = 51\nversion = 3\npriority = ${priority}\n` +
    `advert_interval = "400ms"\naddresses = ["192.0.2.10/24"]\n${more}`
  );
}

const start = (name: string, priority: number): Promise<Appliance> =>
  startAppliance(site(priority), { prefix: ["ip", "netns", "exec", network!.node(name).namespace] });

async function stateOf(appliance: Appliance): Promise<string | undefined> {
  return (await appliance.snapshot()).vrrp[0]?.state;
}

/** Node a leads, b follows; then a gets the order, and b leads. */
async function pairAfter(order: "maint" | "failover"): Promise<readonly [Appliance, Appliance]> {
  network = await makeNetwork("bvord", { a: "192.0.2.1/24", b: "192.0.2.2/24" });
  const a = await start("a", 150);
  await waitFor("a to lead", async () => (await stateOf(a)) === "master");
  const b = await start("b", 100);
  await waitFor("b to hear a", async () => (await b.snapshot()).vrrp[0]?.masterAddress === "192.0.2.1");
  expect((await a.cli(["vrrp", order])).code).toBe(0);
  await waitFor("b to lead", async () => (await stateOf(b)) === "master");
  await waitFor("a to follow the order", async () => (await stateOf(a)) !== "master");
  return [a, b];
}

/** Node a does not take the VIP back before it is told to, and does then. */
async function staysAwayUntilResumed(a: Appliance, b: Appliance, state: "maint" | "backup"): Promise<void> {
  await waitFor("a to run again", async () => (await stateOf(a)) === state);
  const isAway = async (): Promise<boolean> => (await stateOf(a)) === state && (await stateOf(b)) === "master";
  expect(await holdsFor(isAway, RETURN_MS)).toBe(true);
  expect((await a.snapshot()).vrrp[0]?.why).toContain("ballast vrrp resume");
  await a.cli(["vrrp", "resume"]);
  await waitFor("a to lead again", async () => (await stateOf(a)) === "master");
}

const orders = [
  ["maint", "maint"],
  ["failover", "backup"],
] as const;

describe.skipIf(!canMakeNamespaces)("an order", () => {
  for (const [order, state] of orders) {
    test(`${order} holds over the death of the vrrp role`, async () => {
      const [a, b] = await pairAfter(order);
      const killed = a.pidOf("vrrp");
      signalPid(killed, "SIGKILL");
      await a.nextOf("vrrp", killed);
      await staysAwayUntilResumed(a, b, state);
      // What was resumed is not remembered either.
      const again = a.pidOf("vrrp");
      signalPid(again, "SIGKILL");
      await a.nextOf("vrrp", again);
      await waitFor("a to lead without an order", async () => (await stateOf(a)) === "master");
    });

    test(`${order} holds over a reload that makes another virtual router of the instance`, async () => {
      const [a, b] = await pairAfter(order);
      a.write(site(150, "use_vmac = true\n"));
      expect((await a.cli(["reload"])).code).toBe(0);
      await staysAwayUntilResumed(a, b, state);
    });
  }
});
