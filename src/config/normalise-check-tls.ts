/** TLS of a check, of proxy servers and of real servers alike. */
import type { NormaliseContext } from "./normalise-context.ts";
import { pick } from "./normalise-context.ts";
import { checkTlsRows } from "./schema-check.ts";
import type { Path } from "./schema-issue.ts";
import type { Decoded } from "./schema-type.ts";
import type { CheckTlsConfig } from "./types-proxy.ts";

/** Null: no TLS. host: the check's own, which names the server when nothing else does. */
export function tlsOf(
  written: boolean | Decoded<typeof checkTlsRows> | undefined,
  host: string | null,
  at: Path,
  { sink }: Pick<NormaliseContext, "sink">,
): CheckTlsConfig | null {
  if (written === undefined || written === false) return null;
  const keys = written === true ? {} : written;
  const verify = pick(checkTlsRows.verify, keys.verify);
  const serverName = keys.name ?? nameIn(host);
  if (verify && serverName === null) {
    sink.error([...at, "tls"], 'has no "name" that the certificate must carry', { help: 'name = "www.example.com"' });
  }
  return { verify, serverName };
}

/** SNI carries names only (RFC 6066, section 3), without a port. */
function nameIn(host: string | null): string | null {
  const [, name] = /^([A-Za-z0-9._-]*[A-Za-z_-][A-Za-z0-9._-]*)(?::\d+)?$/.exec(host ?? "") ?? [];
  return name ?? null;
}

/** The document that would produce it. */
export function tlsTree(tls: CheckTlsConfig | null | undefined): Record<string, unknown> | undefined {
  if (tls === null || tls === undefined) return undefined;
  return { verify: tls.verify, name: tls.serverName ?? undefined };
}
