/** Secrets: where they stand, and configurations that can be shown without them. */
import type { Extent, Locations } from "./locate.ts";
import type { Path } from "./schema-issue.ts";
import type { AlertsConfig, Config } from "./types.ts";

/** What is shown for a secret: nothing of it, not even its length. */
export const MASK = "********";

/** Keys whose values nobody should read over a shoulder or in a log. */
const secretKeys = ["password", "auth_pass", "token"];

export function isSecretPath(path: Path): boolean {
  const key = path.findLast((step) => typeof step === "string");
  if (typeof key === "string" && secretKeys.includes(key)) return true;
  // Who knows a webhook's address may write to it.
  if (key === "url" && path.includes("webhook")) return true;
  // stats.auth = ["admin:secret"]
  return path.at(-2) === "auth" && typeof path.at(-1) === "number";
}

export function secretExtents(locations: Locations): readonly Extent[] {
  const extents: Extent[] = [];
  for (const path of locations.paths()) {
    const value = isSecretPath(path) ? locations.find(path)?.value : undefined;
    if (value !== undefined) extents.push(value);
  }
  return extents;
}

/** The configuration with every secret replaced. */
export function maskConfig(config: Config): Config {
  return {
    ...config,
    vrrp: config.vrrp.map((instance) =>
      instance.authPassword === null ? instance : { ...instance, authPassword: MASK },
    ),
    ...(config.alerts === undefined ? {} : { alerts: maskAlerts(config.alerts) }),
  };
}

/** The server stays readable: who is told is no secret, how is. */
export function maskUrl(url: string): string {
  return `${new URL(url).origin}/${MASK}`;
}

function maskAlerts({ events, email, webhook }: AlertsConfig): AlertsConfig {
  return {
    events,
    email: email?.auth ? { ...email, auth: { ...email.auth, password: MASK } } : email,
    webhook: webhook && { ...webhook, url: maskUrl(webhook.url), token: webhook.token === null ? null : MASK },
  };
}

/** The text of a configuration file as it is, comments and all, with every secret replaced. */
export function maskText(locations: Locations): string {
  let masked = "";
  let at = 0;
  for (const extent of secretExtents(locations).toSorted((a, b) => a.start - b.start)) {
    if (extent.start < at) continue;
    masked += `${locations.text.slice(at, extent.start)}"${MASK}"`;
    at = extent.end;
  }
  return masked + locations.text.slice(at);
}
