/** `ballast realserver` in a namespace: what it sets, that ARP stays silent, that everything comes back. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { join } from "node:path";
import { canMakeNamespaces, makeNetwork, type Network, type NetworkNode } from "../support/netns.ts";
import { run } from "../support/process.ts";

const main = join(import.meta.dir, "../../src/main.ts");
const VIP = "192.0.2.10";
const SYSCTLS = ["all", "eth0"].flatMap((name) => [
  `net.ipv4.conf.${name}.arp_ignore`,
  `net.ipv4.conf.${name}.arp_announce`,
]);

let network: Network;
let real: NetworkNode;

beforeEach(async () => {
  if (!canMakeNamespaces) return;
  network = await makeNetwork("rs", { real: "192.0.2.3/24" });
  real = network.node("real");
  await real.run(["sysctl", "-qw", "net.ipv4.conf.eth0.arp_announce=1"]);
});

afterEach(async () => {
  if (!canMakeNamespaces) return;
  // Removes the file with what was there before, which is not in the namespace.
  await ballast("down", "--vip", VIP);
  await network.close();
});

function ballast(...words: readonly string[]): ReturnType<typeof run> {
  return run(["ip", "netns", "exec", real.namespace, process.execPath, main, "realserver", ...words]);
}

async function state(): Promise<string> {
  const addresses = await real.run(["ip", "-o", "address", "show", "dev", "lo"]);
  return (await real.run(["sysctl", ...SYSCTLS])) + addresses.replaceAll(/valid_lft.*/g, "");
}

test.skipIf(!canMakeNamespaces)(
  "realserver up serves VIPs in silence, and down brings back what was there",
  async () => {
    const before = await state();
    expect((await ballast("status", "--vip", VIP)).code).toBe(1);
    const both = ["--vip", VIP, "--vip", "2001:db8::10"];
    expect((await ballast("up", ...both)).code).toBe(0);
    const up = await state();
    expect(up).toContain("inet 192.0.2.10/32 scope global lo");
    expect(up).toContain("inet6 2001:db8::10/128");
    const status = await ballast("status", ...both);
    expect([status.code, status.stdout]).toEqual([0, expect.stringContaining("is not answered (probed)")]);
    expect((await ballast("up", ...both)).stderr).toContain("nothing to change");
    expect(await state()).toBe(up);
    expect((await ballast("down")).code).toBe(0);
    expect(await state()).toBe(before);
  },
);

test.skipIf(!canMakeNamespaces)(
  "realserver status hears the kernel answer ARP for a VIP without precautions",
  async () => {
    await real.run(["ip", "address", "add", `${VIP}/32`, "dev", "lo"]);
    const status = await ballast("status", "--vip", VIP);
    expect([status.code, status.stdout]).toEqual([1, expect.stringContaining("is answered (probed)")]);
    expect(await real.run(["ip", "-o", "link"])).not.toContain("ballast-");
  },
);

test.skipIf(!canMakeNamespaces)("realserver up --dry-run prints commands that do the same", async () => {
  const before = await state();
  const commands = (await ballast("up", "--vip", VIP, "--dry-run")).stdout;
  expect(await state()).toBe(before);
  await real.run(["sh", "-ec", commands]);
  const byCommands = await state();
  expect((await ballast("up", "--vip", VIP)).stderr).toContain("nothing to change");
  expect(await state()).toBe(byCommands);
});
