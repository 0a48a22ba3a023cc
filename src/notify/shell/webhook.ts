/** A POST of JSON to an address of the operator's choice. */
import type { WebhookConfig } from "../../config/types.ts";
import { type Delivery, delivered, isTemporaryHttp, refused } from "../delivery.ts";

const ANSWER_WITHIN_MS = 15_000;

/** Sends the body; never throws. A redirection is no delivery: the address in the configuration is to be right. */
export async function postWebhook(
  webhook: WebhookConfig,
  body: string,
  withinMs: number = ANSWER_WITHIN_MS,
): Promise<Delivery> {
  try {
    const response = await fetch(webhook.url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "user-agent": "ballast",
        ...(webhook.token === null ? {} : { authorization: `Bearer ${webhook.token}` }),
      },
      body,
      redirect: "manual",
      signal: AbortSignal.timeout(withinMs),
      ...(webhook.ca === null ? {} : { tls: { ca: webhook.ca.pem } }),
    });
    // What it says is of no interest, however much it is.
    await response.body?.cancel();
    return response.ok
      ? delivered
      : refused(isTemporaryHttp(response.status), `answered with status ${response.status}`);
  } catch (error) {
    return refused(true, error instanceof Error ? error.message : String(error));
  }
}
