/** `notify` and [alerts] as the document that would produce them, secrets masked. */
import { formatDurationMs } from "../lib/units.ts";
import { MASK, maskUrl } from "./mask.ts";
import type { NotifyConfig } from "./types-vrrp.ts";
import type { AlertsConfig } from "./types.ts";

type Tree = Record<string, unknown>;

export function notifyTree(notify: NotifyConfig | undefined): Tree | undefined {
  if (notify === undefined) return undefined;
  const words = (argv: readonly string[] | null): readonly string[] | undefined =>
    argv === null ? undefined : [...argv];
  return {
    master: words(notify.master),
    backup: words(notify.backup),
    fault: words(notify.fault),
    stop: words(notify.stop),
    any: words(notify.any),
    fifo: notify.fifo ?? undefined,
    user: notify.user ?? undefined,
    timeout: formatDurationMs(notify.timeoutMs),
  };
}

export function alertsTree(alerts: AlertsConfig | undefined): Tree | undefined {
  if (alerts === undefined) return undefined;
  const { email, webhook } = alerts;
  return {
    events: [...alerts.events],
    email:
      email === null
        ? undefined
        : {
            from: email.from,
            to: [...email.to],
            server: `${email.host.includes(":") ? `[${email.host}]` : email.host}:${email.port}`,
            starttls: email.tls === "starttls",
            user: email.auth?.user,
            password: email.auth === null ? undefined : MASK,
            ca: email.ca?.path,
          },
    webhook:
      webhook === null
        ? undefined
        : { url: maskUrl(webhook.url), token: webhook.token === null ? undefined : MASK, ca: webhook.ca?.path },
  };
}
