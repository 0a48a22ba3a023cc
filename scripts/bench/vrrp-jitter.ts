/**
 * Are adverts late while the proxy works at its limit? One appliance in a namespace with an advert every 100 ms, its proxy
 * loaded over loopback by wrk on all CPUs, adverts seen by another node. Needs root, wrk, tcpdump and dist/ballast.
 *
 *   bun scripts/bench/vrrp-jitter.ts [--seconds 30] [--connections 128]
 */
import { parseArgs } from "node:util";
import { startAppliance, stopAppliances } from "../../test/support/appliance.ts";
import { makeNetwork } from "../../test/support/netns.ts";
import { stopAllProcesses } from "../../test/support/process.ts";
import { waitFor } from "../../test/support/wait.ts";

const INTERVAL_MS = 100;
const { values } = parseArgs({
  options: { seconds: { type: "string", default: "30" }, connections: { type: "string", default: "128" } },
});
const seconds = Math.min(300, Math.max(5, Number(values.seconds)));

const sections = `[frontend.web]
mode = "http"
bind = ["127.0.0.1:8000"]
rules = [{ deny = true }]
[vrrp.VI_1]
interface = "eth0"
virtual_router_id = 51
version = 3
advert_interval = "${INTERVAL_MS}ms"
addresses = ["192.0.2.10/24"]
`;

/** How much each advert differed from its beat, smallest first. */
function deviationsMs(text: string): readonly number[] {
  const times = [...text.matchAll(/^(\d+\.\d+) IP /gm)].map((match) => Number(match[1]) * 1000);
  return times
    .slice(1)
    .map((time, i) => Math.abs(time - times[i] - INTERVAL_MS))
    .toSorted((a, b) => a - b);
}

const network = await makeNetwork("bvjit", { a: "192.0.2.1/24", c: "192.0.2.3/24" });
try {
  const a = await startAppliance(sections, {
    prefix: ["ip", "netns", "exec", network.node("a").namespace],
    global: `workers = ${navigator.hardwareConcurrency}\n`,
  });
  await waitFor("a to lead", async () => (await a.snapshot()).vrrp[0]?.state === "master", 10_000);
  const wrk = ["wrk", "-t", "2", "-c", values.connections, "-d", String(seconds + 2), "http://127.0.0.1:8000/"];
  const load = network.node("a").start(wrk);
  await Bun.sleep(1000);
  const listener = network.node("c").start(["tcpdump", "-tt", "-l", "-n", "-i", "eth0", "ip", "proto", "112"]);
  await Bun.sleep(seconds * 1000);
  await listener.stop();
  await load.exited;
  const deviations = deviationsMs(listener.stdout());
  const at = (part: number): string =>
    (deviations[Math.min(deviations.length - 1, Math.floor(deviations.length * part))] ?? 0).toFixed(2);
  console.log(load.stdout().match(/Requests\/sec.*/)?.[0] ?? "no load");
  console.log(
    `${deviations.length} adverts: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, p99.9 ${at(0.999)} ms, worst ${at(1)} ms off the beat`,
  );
} finally {
  await stopAppliances();
  await stopAllProcesses();
  await network.close();
}
process.exit(0);
