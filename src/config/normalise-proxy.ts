/** Frontends, backends and listens → frontends and backends. */
import { didYouMean } from "../lib/suggest.ts";
import { addressBytes } from "../net/address.ts";
import { isLinkLocal } from "../net/ipv6.ts";
import type { NormaliseContext } from "./normalise-context.ts";
import { isWritten, pick } from "./normalise-context.ts";
import { normaliseRules } from "./normalise-rule.ts";
import { backendTimeouts, frontendOptions, frontendTimeouts } from "./normalise-tuning.ts";
import { mergeChecks, normaliseCheck, optionIs } from "./normalise-tuning.ts";
import { formatSocketAddress } from "./schema-address.ts";
import { formatPath } from "./schema-issue.ts";
import type { Path } from "./schema-issue.ts";
import { backendRows, bindRows, frontendRows, listenRows, serverRows, tlsRows } from "./schema-proxy.ts";
import { plain } from "./schema-table.ts";
import type { At, Decoded, NamedAt } from "./schema-type.ts";
import type {
  BackendConfig,
  BindConfig,
  FrontendConfig,
  Mode,
  ServerConfig,
  SocketAddress,
  TlsConfig,
} from "./types-proxy.ts";

type WrittenListen = Decoded<typeof listenRows>;
type WrittenFrontend = Decoded<typeof frontendRows> | WrittenListen;
type WrittenBackend = Decoded<typeof backendRows> | WrittenListen;
type WrittenServer = Decoded<typeof serverRows>;

export function normaliseFrontends(context: NormaliseContext, maxconn: number): readonly FrontendConfig[] {
  const { frontend = [], listen = [] } = context.document;
  return [
    ...frontend.map((item) => normaliseFrontend(item, item.value.default_backend ?? null, maxconn, context)),
    ...listen.map((item) => normaliseFrontend(item, item.name, maxconn, context)),
  ];
}

function normaliseFrontend(
  item: NamedAt<WrittenFrontend>,
  defaultBackend: string | null,
  maxconn: number,
  context: NormaliseContext,
): FrontendConfig {
  const { name, at, value } = item;
  const { defaults = {} } = context.document;
  const mode = modeOf(at, value.mode, context);
  const wishes = [...(defaults.options ?? []), ...(value.options ?? [])];
  const isListen = at[0] === "listen";
  const frontend: FrontendConfig = {
    name,
    mode,
    binds: (value.bind ?? []).flatMap((bind) => normaliseBind(bind, mode, context)),
    maxconn: value.maxconn ?? defaults.maxconn ?? maxconn,
    defaultBackend: defaultBackend ?? defaults.default_backend ?? null,
    rules: normaliseRules(
      { at, mode, side: "frontend", ownBackend: isListen ? name : null, acl: value.acl, rules: value.rules },
      context,
    ),
    options: frontendOptions(mode, wishes),
    timeouts: frontendTimeouts(mode, { ...defaults.timeouts, ...value.timeouts }),
  };
  context.origins.set(frontend, at);
  return frontend;
}

/** A mode that is written wrong counts as "http", where everything is allowed: one mistake, one message. */
function modeOf(at: Path, own: Mode | undefined, context: NormaliseContext): Mode {
  if (own !== undefined) return own;
  if (isWritten(context, [...at, "mode"])) return "http";
  const inherited = context.document.defaults?.mode;
  if (inherited === undefined && isWritten(context, ["defaults", "mode"])) return "http";
  return pick(frontendRows.mode, inherited);
}

/** One listener, or one for each address of the VRRP instance that it names. */
function normaliseBind(
  item: At<Decoded<typeof bindRows>>,
  mode: Mode,
  context: NormaliseContext,
): readonly BindConfig[] {
  const { address, tls } = item.value;
  if (address === undefined) return [];
  const isVip = address.kind === "vip";
  const addresses = isVip ? addressesOf(address.instance, address.port, item.at, context) : [address];
  return addresses.map((each) => {
    const bind: BindConfig = {
      key: formatSocketAddress(each),
      address: each,
      freebind: isVip || (each.kind === "inet" && context.virtualAddresses.has(each.host)),
      tls: tls === undefined ? null : normaliseTls(tls, mode),
      path: formatPath(item.at),
    };
    context.origins.set(bind, item.at);
    return bind;
  });
}

function addressesOf(name: string, port: number, at: Path, context: NormaliseContext): readonly SocketAddress[] {
  const instances = context.document.vrrp ?? [];
  const instance = instances.find((each) => each.name === name);
  if (instance === undefined) {
    const names = instances.map((each) => each.name);
    context.sink.error(at, `no VRRP instance is named "${name}"${didYouMean(name, names)}`, { found: name });
    return [];
  }
  const { addresses = [], excluded_addresses: excluded = [] } = instance.value;
  return [...addresses, ...excluded].flatMap((vip) => {
    const written = vip.value.address;
    // A link-local address alone does not say on which link: nobody can connect to it by name either.
    if (written === undefined || isLinkLocal(addressBytes(written.address))) return [];
    return [{ kind: "inet", family: written.family, host: written.address, port } as const];
  });
}

function normaliseTls(written: Decoded<typeof tlsRows>, mode: Mode): TlsConfig {
  return {
    certificates: plain(written.certificates),
    alpn: written.alpn === undefined ? (mode === "http" ? ["http/1.1"] : []) : plain(written.alpn),
    minVersion: pick(tlsRows.min_version, written.min_version),
  };
}

export function normaliseBackends(context: NormaliseContext): readonly BackendConfig[] {
  const { backend = [], listen = [] } = context.document;
  return [...backend, ...listen].map((item) => normaliseBackend(item, context));
}

function normaliseBackend(item: NamedAt<WrittenBackend>, context: NormaliseContext): BackendConfig {
  const { name, at, value } = item;
  const { defaults = {} } = context.document;
  const mode = modeOf(at, value.mode, context);
  const wishes = [...(defaults.options ?? []), ...(value.options ?? [])];
  const timeouts = { ...defaults.timeouts, ...value.timeouts };
  const isListen = at[0] === "listen";
  const backend: BackendConfig = {
    name,
    mode,
    balance: pick(backendRows.balance, value.balance, defaults.balance),
    servers: (value.servers ?? []).flatMap((server) => normaliseServer(server, value, context)),
    // A listen's rules ran in its frontend half.
    rules: isListen
      ? []
      : normaliseRules({ at, mode, side: "backend", ownBackend: name, acl: value.acl, rules: value.rules }, context),
    retries: pick(backendRows.retries, value.retries, defaults.retries),
    redispatch: optionIs("redispatch", wishes, false),
    abortonclose: optionIs("abortonclose", wishes, mode === "http"),
    httpClose: optionIs("http_close", wishes, false),
    timeouts: backendTimeouts(mode, timeouts),
  };
  context.origins.set(backend, at);
  return backend;
}

function normaliseServer(
  item: At<WrittenServer>,
  backend: WrittenBackend,
  context: NormaliseContext,
): readonly ServerConfig[] {
  const { name, address, weight, maxconn, backup, check } = item.value;
  // A wrong name must not become the address: it would hide which server is meant.
  if (address === undefined || (name === undefined && isWritten(context, [...item.at, "name"]))) return [];
  const { defaults = {} } = context.document;
  const merged = mergeChecks([defaults.check, backend.check, check]);
  const server: ServerConfig = {
    name: name ?? formatSocketAddress(address),
    address,
    weight: pick(serverRows.weight, weight),
    maxconn: maxconn ?? null,
    backup: pick(serverRows.backup, backup),
    check:
      merged === null
        ? null
        : normaliseCheck(merged, { ...defaults.timeouts, ...backend.timeouts }, [...item.at, "check"], context),
  };
  context.origins.set(server, item.at);
  return [server];
}
