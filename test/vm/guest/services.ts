/**
 * What real servers serve besides plain TCP: `services.ts NAME NAMESPACE KEY CERTIFICATE` runs HTTPS, SMTP, DNS and a UDP
 * service in a namespace, and makes each sick or well on demand over a Unix socket.
 */
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { createServer } from "node:net";
import { type Order, type ServiceName, servicePorts, servicesSocket } from "./services-orders.ts";

const [name = "", namespace = "", key = "", cert = ""] = process.argv.slice(2);
const sick = new Set<ServiceName>();

Bun.serve({
  hostname: "::",
  port: servicePorts.https,
  tls: { key: Bun.file(key), cert: Bun.file(cert) },
  fetch: () => new Response(`${name}\n`, { status: sick.has("https") ? 503 : 200 }),
});

createServer((socket) => {
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk) =>
    /^QUIT/i.test(chunk.toString()) ? socket.end("221 bye\r\n") : socket.write("250 ok\r\n"),
  );
  // A server that is going down greets like this (RFC 5321, section 3.8).
  socket.write(sick.has("smtp") ? "421 shutting down\r\n" : `220 ${name}\r\n`);
}).listen(servicePorts.smtp, "::");

const REPLY_BIT = 0x80;
const SERVER_FAILURE = 2;

const dns = createSocket("udp4");
dns.on("message", (question, peer) => {
  const answer = Buffer.from(question);
  answer[2] = answer[2]! | REPLY_BIT;
  answer[3] = sick.has("dns") ? SERVER_FAILURE : 0;
  dns.send(answer, peer.port, peer.address);
});
dns.bind(servicePorts.dns, "0.0.0.0");

let udp: UdpSocket | null = null;

/** A port that nobody has open is answered with an ICMP error: that is what the check looks for. */
function bindUdp(): void {
  udp?.close();
  udp = sick.has("udp") ? null : createSocket("udp4");
  udp?.bind(servicePorts.udp, "0.0.0.0");
}

bindUdp();
Bun.serve({
  unix: servicesSocket(name, namespace),
  fetch: async (request) => {
    const { service, well } = (await request.json()) as Order;
    if (well) sick.delete(service);
    else sick.add(service);
    bindUdp();
    return new Response("done");
  },
});
console.log("services ready");
