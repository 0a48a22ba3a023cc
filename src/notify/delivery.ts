/** What came of handing a message to a mail server or a webhook. */

export type Delivery =
  /** `note`: what was not quite as wished, for example a recipient that was refused; empty: nothing. */
  | { readonly ok: true; readonly note: string }
  /** temporary: the same message may be taken later; else it never will. */
  | { readonly ok: false; readonly temporary: boolean; readonly reason: string };

export const delivered: Delivery = { ok: true, note: "" };

export function refused(temporary: boolean, reason: string): Delivery {
  return { ok: false, temporary, reason };
}

/** SMTP replies (RFC 5321, section 4.2.1): 5yz is final, everything else and every failure on the way may pass. */
export function isTemporarySmtp(replyCode: number | undefined): boolean {
  return replyCode === undefined || replyCode < 500;
}

/** HTTP status codes (RFC 9110, section 15): time-outs, "too early", "too many" and 5xx may pass. */
export function isTemporaryHttp(status: number): boolean {
  return status === 408 || status === 425 || status === 429 || status >= 500;
}
