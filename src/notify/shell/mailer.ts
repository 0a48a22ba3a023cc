/** Mail through a submission server: STARTTLS or TLS, AUTH, certificates checked, time limits on every step. */
import { createTransport } from "nodemailer";
import type { EmailConfig } from "../../config/types.ts";
import type { AlertMail } from "../alert-text.ts";
import { type Delivery, isTemporarySmtp, refused } from "../delivery.ts";

const CONNECT_WITHIN_MS = 10_000;
/** RFC 5321 allows minutes for each answer; a server that needs them is tried again later. */
const ANSWER_WITHIN_MS = 20_000;
const WHOLE_WITHIN_MS = 60_000;

/** Sends one message over a connection of its own; never throws. `node`: the name in EHLO. */
export async function sendMail(email: EmailConfig, node: string, mail: AlertMail): Promise<Delivery> {
  const transport = createTransport({
    host: email.host,
    port: email.port,
    secure: email.tls === "implicit",
    requireTLS: email.tls === "starttls",
    ignoreTLS: email.tls === "none",
    name: ehloName(node),
    ...(email.auth === null ? {} : { auth: { user: email.auth.user, pass: email.auth.password } }),
    tls: { minVersion: "TLSv1.2", ...(email.ca === null ? {} : { ca: email.ca.pem }) },
    dnsTimeout: CONNECT_WITHIN_MS,
    connectionTimeout: CONNECT_WITHIN_MS,
    greetingTimeout: ANSWER_WITHIN_MS,
    socketTimeout: ANSWER_WITHIN_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  try {
    const { rejected } = await transport.sendMail({
      from: email.from,
      to: [...email.to],
      subject: mail.subject,
      text: mail.text,
      // RFC 3834: no vacation replies to a machine.
      headers: { "Auto-Submitted": "auto-generated" },
      signal: AbortSignal.timeout(WHOLE_WITHIN_MS),
    });
    return { ok: true, note: rejected.length === 0 ? "" : `refused for ${rejected.join(", ")}` };
  } catch (error) {
    const { message, responseCode } = error as Error & { readonly responseCode?: number };
    return refused(isTemporarySmtp(responseCode), message);
  } finally {
    transport.close();
  }
}

/** RFC 5321, section 4.1.1.1: a domain; a node's name that is none would be refused by strict servers. */
function ehloName(node: string): string {
  return /^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(node) ? node : "localhost";
}
