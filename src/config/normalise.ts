/** Decoded document → Config: defaults applied, names resolved, listens split. */
import type { NormaliseContext } from "./normalise-context.ts";
import { normaliseAlerts } from "./normalise-alerts.ts";
import { normaliseAdmin, normaliseGlobal } from "./normalise-global.ts";
import { normaliseLvs, normaliseRealserver } from "./normalise-lvs.ts";
import { normaliseBackends, normaliseFrontends } from "./normalise-proxy.ts";
import { normaliseVrrp } from "./normalise-vrrp.ts";
import type { ConfigEnvironment } from "./environment.ts";
import type { Document } from "./schema.ts";
import type { IssueSink, Path } from "./schema-issue.ts";
import type { Config } from "./types.ts";

export interface Normalised {
  readonly config: Config;
  /** Path in the file of frontends, binds, rules, backends, servers and instances, by identity. */
  readonly origins: ReadonlyMap<object, Path>;
}

export function normalise(
  document: Document,
  raw: Readonly<Record<string, unknown>>,
  environment: ConfigEnvironment,
  sink: IssueSink,
): Normalised {
  const { backend = [], listen = [], vrrp = [] } = document;
  const vips = vrrp.flatMap(({ value }) => [...(value.addresses ?? []), ...(value.excluded_addresses ?? [])]);
  const context: NormaliseContext = {
    document,
    raw,
    environment,
    sink,
    origins: new Map(),
    backendNames: [...backend, ...listen].map((item) => item.name),
    virtualAddresses: new Set(vips.flatMap((vip) => vip.value.address?.address ?? [])),
  };
  const global = normaliseGlobal(context);
  const alerts = normaliseAlerts(context);
  const lvs = normaliseLvs(context);
  const realserver = normaliseRealserver(context);
  const config: Config = {
    global,
    admin: normaliseAdmin(context),
    frontends: normaliseFrontends(context, global.maxconn),
    backends: normaliseBackends(context),
    vrrp: normaliseVrrp(context),
    ...(alerts === undefined ? {} : { alerts }),
    ...(lvs === undefined ? {} : { lvs }),
    ...(realserver === undefined ? {} : { realserver }),
  };
  return { config, origins: context.origins };
}
