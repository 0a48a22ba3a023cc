import { afterEach, beforeAll, expect, test } from "bun:test";
import type { EmailConfig } from "../../../src/config/types.ts";
import { sendMail } from "../../../src/notify/shell/mailer.ts";
import { type Certificate, makeCertificate, SmtpServer } from "../../support/mail.ts";
import { stopAllProcesses } from "../../support/process.ts";
import { freePort } from "../../support/ports.ts";

const message = { subject: "[lb1] vrrp.state: VI_1 is MASTER — now", text: "first line\n.\n.dot\nlast line\n" };
const login = { user: "lb", password: "p ä ss" };

let certificate: Certificate;
beforeAll(async () => {
  certificate = await makeCertificate();
});
afterEach(stopAllProcesses);

function trusted(): EmailConfig["ca"] {
  return { path: "/ca.pem", pem: certificate.cert };
}

function emailTo(server: { readonly port: number }, fields: Partial<EmailConfig> = {}): EmailConfig {
  const recipients = { from: "lb@example.com", to: ["ops@example.com", "on-call@example.com"] };
  const way = { host: "127.0.0.1", port: server.port, tls: "starttls", auth: null, ca: trusted() } as const;
  return { ...recipients, ...way, ...fields };
}

test("sendMail speaks STARTTLS, logs in inside it, and the message arrives as it is", async () => {
  const server = await SmtpServer.start({ ...certificate, tls: "starttls", ...login });
  expect(await sendMail(emailTo(server, { auth: login }), "lb1", message)).toEqual({ ok: true, note: "" });
  const mail = await server.mail(1);
  expect(mail.secure).toBe(true);
  expect(mail.to).toEqual(["ops@example.com", "on-call@example.com"]);
  expect(mail.text).toContain("From: lb@example.com\n");
  expect(mail.text).toMatch(/^Auto-Submitted: auto-generated$/m);
  expect(mail.text).toMatch(/^Subject: .*lb1/m);
  expect(mail.text).toContain("\nfirst line\n.\n.dot\nlast line\n");
  const words = server.commands.map((line) => line.split(" ")[0]);
  expect(words.slice(0, 4)).toEqual(["EHLO", "STARTTLS", "EHLO", "AUTH"]);
  expect(server.commands[0]).toBe("EHLO lb1");
});

test("sendMail with TLS from the first byte", async () => {
  const server = await SmtpServer.start({ ...certificate, tls: "implicit", ...login });
  const delivery = await sendMail(emailTo(server, { tls: "implicit", auth: login }), "lb1", message);
  expect(delivery).toEqual({ ok: true, note: "" });
  expect((await server.mail(1)).secure).toBe(true);
});

test("sendMail in clear where that is configured, although the server offers STARTTLS", async () => {
  const server = await SmtpServer.start({ ...certificate, tls: "starttls" });
  expect((await sendMail(emailTo(server, { tls: "none" }), "lb1", message)).ok).toBe(true);
  expect((await server.mail(1)).secure).toBe(false);
});

test("sendMail sends nothing when the server offers no STARTTLS", async () => {
  const server = await SmtpServer.start({ tls: "none", ...login });
  const delivery = await sendMail(emailTo(server, { auth: login }), "lb1", message);
  expect(delivery.ok).toBe(false);
  expect(server.mails).toEqual([]);
  expect(server.commands.join("\n")).not.toContain("AUTH");
});

test("sendMail sends nothing to a server whose certificate nobody vouches for", async () => {
  const server = await SmtpServer.start({ ...certificate, tls: "starttls", ...login });
  const delivery = await sendMail(emailTo(server, { auth: login, ca: null }), "lb1", message);
  expect(delivery).toMatchObject({ ok: false, temporary: true });
  expect(server.commands.join("\n")).not.toContain("AUTH");
  expect(server.mails).toEqual([]);
});

test("sendMail takes a wrong password for final: trying again would lock the account", async () => {
  const server = await SmtpServer.start({ ...certificate, tls: "starttls", ...login });
  const auth = { user: "lb", password: "wrong" };
  const delivery = await sendMail(emailTo(server, { auth }), "lb1", message);
  expect(delivery).toMatchObject({ ok: false, temporary: false });
  expect(delivery).toMatchObject({ reason: expect.stringContaining("535") });
});

test.each([
  ["a busy server", { CONNECT: ["421 busy"] }, true],
  ["greylisting", { RCPT: ["451 later"] }, true],
  ["an unknown recipient", { RCPT: ["550 who"] }, false],
  ["a message that is refused", { DATA: ["554 spam"] }, false],
])("sendMail tells whether trying again helps: %s", async (_, replies, temporary) => {
  const server = await SmtpServer.start({ ...certificate, tls: "starttls", replies });
  expect(await sendMail(emailTo(server), "lb1", message)).toMatchObject({ ok: false, temporary });
});

test("sendMail delivers to the other recipients and says who was refused", async () => {
  const server = await SmtpServer.start({ ...certificate, tls: "starttls", replies: { RCPT: ["550 who", "250 ok"] } });
  const delivery = await sendMail(emailTo(server), "lb1", message);
  expect(delivery).toEqual({ ok: true, note: "refused for ops@example.com" });
  expect((await server.mail(1)).to).toEqual(["on-call@example.com"]);
});

test("sendMail to a port where nobody listens fails for now", async () => {
  const delivery = await sendMail(emailTo({ port: freePort() }), "lb1", message);
  expect(delivery).toMatchObject({ ok: false, temporary: true, reason: expect.stringMatching(/refused/i) });
});

test.each(["EHLO", "STARTTLS", "DATA"])("sendMail does not wait for a server that is silent after %s", async (word) => {
  const server = await SmtpServer.start({ ...certificate, tls: "starttls", silentAfter: word });
  const limits = { connectMs: 2000, answerMs: 300, wholeMs: 5000 };
  const startedMs = performance.now();
  const delivery = await sendMail(emailTo(server), "lb1", message, limits);
  expect(delivery).toMatchObject({ ok: false, temporary: true });
  expect(performance.now() - startedMs).toBeLessThan(4500);
});

test("sendMail ends after the whole time with a server that answers just in time, line by line", async () => {
  const server = await SmtpServer.start({ ...certificate, tls: "starttls", delayMs: 250 });
  const startedMs = performance.now();
  const delivery = await sendMail(emailTo(server), "lb1", message, { connectMs: 2000, answerMs: 1000, wholeMs: 600 });
  expect(delivery).toMatchObject({ ok: false, temporary: true });
  expect(performance.now() - startedMs).toBeLessThan(2000);
});
