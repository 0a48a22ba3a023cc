/** `ballast doctor dr` on a segment with a director and two real servers, one of them without precautions. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canMakeNamespaces, makeNetwork, type Network } from "../support/netns.ts";
import { run } from "../support/process.ts";

const main = join(import.meta.dir, "../../src/main.ts");
const folder = mkdtempSync(join(tmpdir(), "ballast-doctor-"));
const VIP = "192.0.2.10";
let network: Network;

beforeAll(async () => {
  if (!canMakeNamespaces) return;
  const addresses = { director: "192.0.2.1/24", good: "192.0.2.11/24", loud: "192.0.2.12/24" };
  network = await makeNetwork("doc", addresses);
  for (const name of ["good", "loud"]) await network.node(name).run(["ip", "address", "add", `${VIP}/32`, "dev", "lo"]);
  for (const name of ["all", "eth0"]) {
    const settings = [`net/ipv4/conf/${name}/arp_ignore=1`, `net/ipv4/conf/${name}/arp_announce=2`];
    await network.node("good").run(["sysctl", "-qw", ...settings]);
  }
});

afterAll(async () => {
  if (canMakeNamespaces) await network.close();
  rmSync(folder, { recursive: true, force: true });
});

async function doctor(node: string, config: string): Promise<{ readonly code: number | null; readonly said: string }> {
  const path = join(folder, "ballast.toml");
  writeFileSync(path, config);
  const { namespace } = network.node(node);
  const { code, stdout } = await run([
    "ip",
    "netns",
    "exec",
    namespace,
    process.execPath,
    main,
    "-c",
    path,
    "doctor",
    "dr",
  ]);
  return { code, said: stdout };
}

test.skipIf(!canMakeNamespaces)(
  "doctor dr on the director names who is loud, absent, far away or on another port",
  async () => {
    const { code, said } = await doctor(
      "director",
      `[virtual_server.web]
address = "${VIP}:80"
check = true
real_servers = ["192.0.2.11:80", "192.0.2.12:80", "192.0.2.13:80", "198.51.100.1:80", { name = "other", address = "192.0.2.14:8080" }]
`,
    );
    expect(code).toBe(1);
    for (const line of [
      "ok   web: 192.0.2.11:80 is on the segment of eth0",
      "BAD  web: 192.0.2.12:80 answers ARP for 192.0.2.10",
      "BAD  web: 192.0.2.13:80 does not answer ARP on eth0",
      "BAD  web: 198.51.100.1:80 is on no network of this machine",
      "BAD  web: other is named with port 8080, and packets keep port 80",
      "     → there: ballast realserver up",
    ]) {
      expect(said).toContain(line);
    }
  },
);

test.skipIf(!canMakeNamespaces)(
  "doctor dr on a real server looks at ARP, the way back and what the kernel answers",
  async () => {
    const config = `[realserver]\nvips = ["${VIP}"]\n`;
    const good = await doctor("good", config);
    expect(good.said).toContain("ok   ARP for 192.0.2.10 as on eth0 is not answered (probed)");
    expect(good.said).toContain("WARN there is no default route");
    expect([good.code, good.said.includes("BAD")]).toEqual([0, false]);
    await network.node("loud").run(["ip", "route", "add", "default", "via", "192.0.2.1"]);
    const loud = await doctor("loud", config);
    expect(loud.code).toBe(1);
    expect(loud.said).toContain("BAD  ARP for 192.0.2.10 as on eth0 is answered (probed)");
    expect(loud.said).toContain("ok   answers leave by 192.0.2.1 on eth0");
  },
);
