/**
 * The SMTP check without its socket (RFC 5321; keepalived, SMTP_CHECK): greeting 220, HELO answered with 250, QUIT.
 * Replies have one or more lines, "250-…" until the last "250 …".
 */
import type { ProbeResult } from "./result.ts";
import { invalidResponse } from "./result.ts";

/** RFC 5321, section 4.5.3.1.5: a reply line has 512 bytes; a greeting of several is still short. */
export const SMTP_BYTES_MAX = 8 * 1024;

export type SmtpStage = "greeting" | "helo";

export type SmtpStep =
  /** The reply is not complete. */
  | { readonly kind: "more" }
  | { readonly kind: "send"; readonly text: string; readonly next: SmtpStage }
  | { readonly kind: "end"; readonly result: ProbeResult };

const wanted: { readonly [S in SmtpStage]: string } = { greeting: "220", helo: "250" };

/** What to do after `text` has arrived in this stage. */
export function smtpStep(stage: SmtpStage, text: string, helo: string): SmtpStep {
  const lines = text.split("\r\n");
  // What stands behind the last line end is not a line yet.
  const last = lines.slice(0, -1).find((line) => !/^\d{3}-/.test(line));
  if (last === undefined) {
    if (text.length < SMTP_BYTES_MAX) return { kind: "more" };
    return { kind: "end", result: invalidResponse("reply too long") };
  }
  if (!/^\d{3}(?: |$)/.test(last)) return { kind: "end", result: invalidResponse("not an SMTP reply") };
  const code = last.slice(0, 3);
  if (code !== wanted[stage]) {
    const result: ProbeResult = { kind: "checked", passed: false, status: "L7STS", info: `SMTP ${code} to ${stage}` };
    return { kind: "end", result };
  }
  if (stage === "greeting") return { kind: "send", text: `HELO ${helo}\r\n`, next: "helo" };
  return { kind: "end", result: { kind: "checked", passed: true, status: "L7OK", info: "SMTP 250" } };
}
