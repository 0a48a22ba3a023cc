/** Warnings: configurations that load and then do not do what was meant (table 1f of the traps that people meet). */
import type { ConfigEnvironment } from "./environment.ts";
import type { Normalised } from "./normalise.ts";
import { connectionCapacity } from "./normalise-global.ts";
import type { Document } from "./schema.ts";
import type { IssueSink, Path } from "./schema-issue.ts";
import { lintAccept } from "./lint-accept.ts";
import { lintInterfaces } from "./lint-interface.ts";
import { lintLvs } from "./lint-lvs.ts";
import { lintUnusedKeys } from "./lint-unused.ts";
import { lintVrrp } from "./lint-vrrp.ts";
import type { Config } from "./types.ts";
import type { BackendConfig, FrontendConfig } from "./types-proxy.ts";

type OriginOf = (object: object) => Path;

export function lint(
  normalised: Normalised,
  document: Document,
  environment: ConfigEnvironment,
  sink: IssueSink,
): void {
  const { config } = normalised;
  const originOf: OriginOf = (object) => normalised.origins.get(object) ?? [];
  lintIdle(config, sink);
  for (const frontend of config.frontends) lintFrontend(frontend, document, originOf, sink);
  for (const backend of config.backends) lintBackend(backend, document, originOf, sink);
  lintRetries(normalised.config.backends, document, originOf, sink);
  lintUnused(normalised, originOf, sink);
  lintUnusedKeys(config, document, originOf, sink);
  lintVrrp(config, originOf, sink);
  lintInterfaces(config, environment.interfaces, originOf, sink);
  lintLvs(config, originOf, sink);
  lintAccept(config, originOf, sink);
  lintMaxconn(config.global.maxconn, config.global.workers, document, environment, sink);
}

function lintIdle({ frontends, vrrp, lvs, realserver }: Config, sink: IssueSink): void {
  if (frontends.length > 0 || vrrp.length > 0 || lvs !== undefined || realserver !== undefined) return;
  const help = "is it the right file? An empty one is valid, and serves nobody";
  sink.warn([], "there is nothing to do: no [frontend], [listen], [vrrp], [virtual_server] or [realserver]", { help });
}

/** Well-known ports of services that are not HTTP (IANA), as they appear behind load balancers. */
const tcpServices: Readonly<Record<number, string>> = {
  22: "SSH",
  25: "SMTP",
  110: "POP3",
  143: "IMAP",
  389: "LDAP",
  465: "SMTP over TLS",
  587: "mail submission",
  636: "LDAP over TLS",
  993: "IMAP over TLS",
  995: "POP3 over TLS",
  1433: "SQL Server",
  1521: "Oracle",
  3306: "MySQL",
  5432: "PostgreSQL",
  5672: "AMQP",
  6379: "Redis",
  9042: "Cassandra",
  11211: "memcached",
  27017: "MongoDB",
};

function lintFrontend(frontend: FrontendConfig, document: Document, originOf: OriginOf, sink: IssueSink): void {
  const at = originOf(frontend);
  const section = at[0] === "listen" ? document.listen : document.frontend;
  const own = section?.find((item) => item.name === frontend.name)?.value;
  if (frontend.mode === "http" && own?.mode === undefined) {
    for (const bind of frontend.binds) {
      const service = bind.address.kind === "inet" ? tcpServices[bind.address.port] : undefined;
      if (service === undefined) continue;
      const help = 'set mode = "tcp" here';
      sink.warn(originOf(bind), `${bind.key} is the port of ${service}, but mode = "http" comes from [defaults]`, {
        help,
      });
    }
  }
  if (
    frontend.mode === "tcp" &&
    own?.options?.some((wish) => wish.value.name === "httplog" && wish.value.on) === true
  ) {
    sink.warn([...at, "options"], 'option "httplog" has nothing to show in mode "tcp"; tcplog is written');
  }
  const answers = frontend.rules.some((rule) => ["use_backend", "redirect", "deny"].includes(rule.action.kind));
  if (frontend.defaultBackend === null && !answers) {
    sink.warn(at, "has neither default_backend nor a rule that answers: every request gets 503", { mark: "key" });
  }
}

function lintBackend(backend: BackendConfig, document: Document, originOf: OriginOf, sink: IssueSink): void {
  const at = originOf(backend);
  const section = at[0] === "listen" ? document.listen : document.backend;
  const own = section?.find((item) => item.name === backend.name)?.value;
  if (backend.servers.length === 0) sink.warn(at, "has no servers: every request gets 503", { mark: "key" });
  if (backend.servers.length > 0 && backend.servers.every((server) => server.weight === 0)) {
    sink.warn([...at, "servers"], "has only servers of weight 0: none takes new requests", { mark: "key" });
  }
  if (backend.servers.length > 0 && backend.servers.every((server) => server.backup)) {
    sink.warn([...at, "servers"], "has only backup servers", { mark: "key" });
  }
  if (backend.mode === "http" && own?.mode === undefined) warnTcpServers(backend, originOf, sink);
}

function warnTcpServers(backend: BackendConfig, originOf: OriginOf, sink: IssueSink): void {
  for (const server of backend.servers) {
    const service = server.address.kind === "inet" ? tcpServices[server.address.port] : undefined;
    if (service === undefined) continue;
    const message = `server ${server.name} listens on the port of ${service}, but mode = "http" comes from [defaults]`;
    sink.warn(originOf(server), message, { help: 'set mode = "tcp" in this section' });
    return;
  }
}

/** Only where retries were asked for: the default says nothing about what somebody expects. */
function lintRetries(
  backends: readonly BackendConfig[],
  document: Document,
  originOf: OriginOf,
  sink: IssueSink,
): void {
  const help = 'add options = ["redispatch"] so that they can go to another';
  const stuck = backends.filter((backend) => backend.retries > 0 && !backend.redispatch && backend.servers.length > 1);
  const inherited: string[] = [];
  for (const backend of stuck) {
    const at = originOf(backend);
    const section = at[0] === "listen" ? document.listen : document.backend;
    if (section?.find((item) => item.name === backend.name)?.value.retries === undefined) inherited.push(backend.name);
    else sink.warn([...at, "retries"], "all go to the server that failed", { mark: "key", help });
  }
  if (document.defaults?.retries === undefined || inherited.length === 0) return;
  const names = `${inherited.slice(0, 5).join(", ")}${inherited.length > 5 ? ", …" : ""}`;
  sink.warn(["defaults", "retries"], `all go to the server that failed, in backend ${names}`, { mark: "key", help });
}

function lintUnused(normalised: Normalised, originOf: OriginOf, sink: IssueSink): void {
  const { frontends, backends } = normalised.config;
  // Conditions count backends, too: nbsrv(app) is a use.
  const conditions = JSON.stringify([...frontends, ...backends].flatMap((each) => each.rules.map((rule) => rule.when)));
  for (const backend of backends) {
    const used = frontends.some(
      (frontend) =>
        frontend.defaultBackend === backend.name ||
        frontend.rules.some(({ action }) => action.kind === "use_backend" && action.backend === backend.name),
    );
    if (used || conditions.includes(JSON.stringify([backend.name]))) continue;
    sink.warn(originOf(backend), "is used by no frontend", {
      mark: "key",
      help: "name it in default_backend or use_backend",
    });
  }
}

function lintMaxconn(
  maxconn: number,
  workers: number,
  document: Document,
  environment: ConfigEnvironment,
  sink: IssueSink,
): void {
  const capacity = connectionCapacity(environment.fdLimit) * workers;
  if (document.global?.maxconn === undefined || maxconn <= capacity) return;
  const message = `${maxconn} connections need more descriptors than ${workers} × ${environment.fdLimit}, which is room for ${capacity}`;
  sink.warn(["global", "maxconn"], message, { help: "raise the limit (LimitNOFILE=, ulimit -n), or lower maxconn" });
}
