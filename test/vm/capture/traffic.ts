/** Captures with figures in them: connections and datagrams through NAT in both families, one connection held open. */
import type { Network } from "../../support/netns.ts";
import { waitFor } from "../../support/wait.ts";
import type { Ask } from "./main.ts";

const READY_MS = 20_000;

const SERVER = `
const echo = { data(socket, bytes) { socket.write(bytes); } };
Bun.listen({ hostname: "::", port: 8080, socket: echo });
await Bun.udpSocket({ hostname: "0.0.0.0", port: 53, socket: {
  data(socket, bytes, port, address) { socket.send(bytes, port, address); } } });
console.log("ready");`;

const CLIENT = `
const short = (hostname) => new Promise((done) => Bun.connect({ hostname, port: 80, socket: {
  open(socket) { socket.write("hello"); }, data(socket) { socket.end(); }, close: done } }));
await short("192.0.2.10");
await short("192.0.2.10");
await short("2001:db8::10");
await new Promise(async (done) => {
  const udp = await Bun.udpSocket({ connect: { hostname: "192.0.2.10", port: 53 }, socket: { data: done } });
  udp.send("question");
});
await Bun.connect({ hostname: "192.0.2.10", port: 80, socket: {
  open(socket) { socket.write("x".repeat(1000)); }, data() { console.log("held"); } } });
setInterval(() => {}, 1000);`;

const ASKED = [
  ["-L -n", "-L -n --stats", "-L -n --rate", "-L -n --stats --exact", "-L -n --rate --exact"],
  ["-L -n --persistent-conn", "-L -n -c", "-L -n -c --persistent-conn", "-S -n"],
  ["/proc/net/ip_vs_conn", "/proc/net/ip_vs", "/proc/net/ip_vs_stats"],
  ["-Z -t 192.0.2.10:80", "-L -n --stats", "-Z", "-L -n --stats"],
].flat();

/** Addresses in both families; answers go back through the director although client and real server share a segment. */
async function prepare(network: Network): Promise<void> {
  const v6 = { director: "2001:db8::1/64", client: "2001:db8::2/64", real: "2001:db8::3/64" };
  for (const [name, address] of Object.entries(v6)) {
    await network.node(name).run(["ip", "address", "add", address, "dev", "eth0", "nodad"]);
  }
  const director = network.node("director");
  await director.run(["ip", "address", "add", "192.0.2.10/32", "dev", "eth0"]);
  await director.run(["ip", "address", "add", "2001:db8::10/128", "dev", "eth0", "nodad"]);
  const sysctls = ["net.ipv4.ip_forward=1", "net.ipv4.conf.all.send_redirects=0", "net.ipv6.conf.all.forwarding=1"];
  await director.run(["sysctl", "-qw", ...sysctls]);
  const real = network.node("real");
  await real.run(["ip", "route", "add", "192.0.2.2/32", "via", "192.0.2.1"]);
  // There is no send_redirects for IPv6: the director would tell the real server of the direct way.
  await real.run(["sysctl", "-qw", "net.ipv6.conf.eth0.accept_redirects=0"]);
  await real.run(["ip", "-6", "route", "add", "2001:db8::2/128", "via", "2001:db8::1"]);
}

export async function captureTraffic(network: Network, ask: Ask): Promise<void> {
  await prepare(network);
  await ask("-A -t 192.0.2.10:80 -s rr -p 300");
  await ask("-a -t 192.0.2.10:80 -r 192.0.2.3:8080 -m -w 1");
  await ask("-A -t [2001:db8::10]:80 -s rr");
  await ask("-a -t [2001:db8::10]:80 -r [2001:db8::3]:8080 -m -w 1");
  await ask("-A -u 192.0.2.10:53 -s rr");
  await ask("-a -u 192.0.2.10:53 -r 192.0.2.3:53 -m -w 1");
  const server = network.node("real").start([process.execPath, "-e", SERVER]);
  await server.waitForOutput(/ready/, READY_MS);
  const client = network.node("client").start([process.execPath, "-e", CLIENT]);
  await client.waitForOutput(/held/, READY_MS);
  // The kernel sums its counters up every two seconds.
  const director = network.node("director");
  const stats = (): Promise<string> => director.run(["ipvsadm", "-L", "-n", "--stats"]);
  await waitFor(
    "three connections in the statistics",
    async () => /192\.0\.2\.10:80 +3 /.test(await stats()),
    READY_MS,
  );
  for (const options of ASKED) await ask(options);
}
