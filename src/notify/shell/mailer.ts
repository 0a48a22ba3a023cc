/** Mail through a submission server: STARTTLS or TLS, AUTH, certificates checked, time limits on every step. */
import { createTransport } from "nodemailer";
import type { EmailConfig } from "../../config/types.ts";
import type { AlertMail } from "../alert-text.ts";
import { type Delivery, isTemporarySmtp, refused } from "../delivery.ts";

export interface MailLimits {
  readonly connectMs: number;
  /** For each answer of the server. */
  readonly answerMs: number;
  readonly wholeMs: number;
}

/** RFC 5321 (section 4.5.3.2) allows minutes for each answer; a server that needs them is tried again later. */
const MAIL_LIMITS: MailLimits = { connectMs: 10_000, answerMs: 20_000, wholeMs: 60_000 };

/** Sends one message over a connection of its own; never throws. `node`: the name in EHLO. */
export async function sendMail(
  email: EmailConfig,
  node: string,
  mail: AlertMail,
  limits: MailLimits = MAIL_LIMITS,
): Promise<Delivery> {
  const transport = createTransport({
    host: email.host,
    port: email.port,
    secure: email.tls === "implicit",
    requireTLS: email.tls === "starttls",
    ignoreTLS: email.tls === "none",
    name: ehloName(node),
    ...(email.auth === null ? {} : { auth: { user: email.auth.user, pass: email.auth.password } }),
    tls: { minVersion: "TLSv1.2", ...(email.ca === null ? {} : { ca: email.ca.pem }) },
    dnsTimeout: limits.connectMs,
    connectionTimeout: limits.connectMs,
    greetingTimeout: limits.answerMs,
    socketTimeout: limits.answerMs,
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
      signal: AbortSignal.timeout(limits.wholeMs),
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
