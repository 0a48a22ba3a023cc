/** What must hold between the parts of a configuration: references, duplicates, modes, limits. */
import { didYouMean } from "../lib/suggest.ts";
import { checkHeartbeats } from "./heartbeat-clash.ts";
import { validateLvs } from "./lint-lvs.ts";
import type { Normalised } from "./normalise.ts";
import { SERVERS_MAX } from "../proxy/server-table.ts";
import { OBJECT_COUNT_MAX } from "./schema-global.ts";
import type { IssueSink, Path } from "./schema-issue.ts";
import type { BindConfig, FrontendConfig } from "./types-proxy.ts";
import type { Config } from "./types.ts";

export function validate(normalised: Normalised, sink: IssueSink): void {
  const { config } = normalised;
  const originOf = (object: object): Path => normalised.origins.get(object) ?? [];
  checkNames(config, originOf, sink);
  checkBinds(config, originOf, sink);
  for (const frontend of config.frontends) checkReferences(frontend, config, originOf, sink);
  checkServers(config, originOf, sink);
  checkVrrp(config, originOf, sink);
  checkHeartbeats(config.vrrp, originOf, sink);
  validateLvs(config, originOf, sink);
  checkSize(config, originOf, sink);
}

type OriginOf = (object: object) => Path;

/** A listen is a frontend and a backend: its name must be free among both. */
function checkNames(config: Config, originOf: OriginOf, sink: IssueSink): void {
  for (const [kind, objects] of [
    ["frontend", config.frontends],
    ["backend", config.backends],
  ] as const) {
    const seen = new Set<string>();
    for (const object of objects) {
      if (seen.has(object.name)) {
        sink.error(originOf(object), `there is a ${kind} named "${object.name}" already`, { mark: "key" });
      }
      seen.add(object.name);
    }
  }
}

function checkBinds(config: Config, originOf: OriginOf, sink: IssueSink): void {
  const seen = new Map<string, BindConfig>();
  for (const frontend of config.frontends) {
    if (frontend.binds.length === 0 && sink.errorCount === 0) {
      sink.error([...originOf(frontend), "bind"], "names no address to listen on");
    }
    for (const bind of frontend.binds) {
      const other = seen.get(bind.key);
      if (other === undefined) seen.set(bind.key, bind);
      else if (other.path !== bind.path)
        sink.error(originOf(bind), `${bind.key} is already bound by ${other.path}`, { found: bind.key });
    }
  }
  for (const bind of seen.values()) warnCovered(bind, seen, originOf, sink);
}

/** The kernel gives a connection to the more specific listener; that is rarely what was meant. */
function warnCovered(
  bind: BindConfig,
  all: ReadonlyMap<string, BindConfig>,
  originOf: OriginOf,
  sink: IssueSink,
): void {
  const { address } = bind;
  if (address.kind !== "inet" || address.host === "0.0.0.0" || address.host === "::") return;
  const wildcard = all.get(address.family === 4 ? `0.0.0.0:${address.port}` : `[::]:${address.port}`);
  if (wildcard === undefined) return;
  sink.warn(originOf(bind), `${bind.key} is also covered by ${wildcard.path} (${wildcard.key})`, {
    help: "connections to this address go here, all others there; remove one of the two if that is not meant",
  });
}

function checkReferences(frontend: FrontendConfig, config: Config, originOf: OriginOf, sink: IssueSink): void {
  const at = originOf(frontend);
  if (frontend.defaultBackend !== null && at[0] !== "listen") {
    checkBackend(frontend, frontend.defaultBackend, [...at, "default_backend"], config, sink);
  }
  for (const rule of frontend.rules) {
    if (rule.action.kind === "use_backend") {
      checkBackend(frontend, rule.action.backend, [...originOf(rule), "use_backend"], config, sink);
    }
  }
}

function checkBackend(frontend: FrontendConfig, name: string, at: Path, config: Config, sink: IssueSink): void {
  const backend = config.backends.find((each) => each.name === name);
  if (backend === undefined) {
    const names = config.backends.map((each) => each.name);
    sink.error(at, `no backend is named "${name}"${didYouMean(name, names)}`, { found: name });
  } else if (backend.mode !== frontend.mode) {
    const message = `frontend ${frontend.name} is mode "${frontend.mode}", backend ${name} is mode "${backend.mode}"`;
    sink.error(at, message, { help: `set the same mode in both, or mode = "${frontend.mode}" in [defaults]` });
  }
}

function checkServers(config: Config, originOf: OriginOf, sink: IssueSink): void {
  for (const backend of config.backends) {
    const seen = new Set<string>();
    for (const server of backend.servers) {
      if (seen.has(server.name)) {
        const help = "give one of them another name";
        sink.error(originOf(server), `backend ${backend.name} has a server named "${server.name}" already`, { help });
      }
      seen.add(server.name);
    }
  }
}

function checkVrrp(config: Config, originOf: OriginOf, sink: IssueSink): void {
  const routers = new Map<string, string>();
  const addresses = new Map<string, string>();
  for (const instance of config.vrrp) {
    const at = originOf(instance);
    // The MAC address and the adverts of a virtual router are told apart by interface, family and VRID only.
    const router = `${instance.interface} ${instance.virtualRouterId} IPv${instance.addresses[0]?.family ?? 4}`;
    const twin = routers.get(router);
    if (twin === undefined) routers.set(router, instance.name);
    else {
      const message = `virtual_router_id ${instance.virtualRouterId} is already used on ${instance.interface} by vrrp.${twin}`;
      sink.error([...at, "virtual_router_id"], message);
    }
    const groups = [
      ["addresses", instance.addresses],
      ["excluded_addresses", instance.excludedAddresses],
    ] as const;
    for (const [key, vips] of groups) {
      for (const [index, vip] of vips.entries()) {
        const owner = addresses.get(vip.address);
        if (owner === undefined) addresses.set(vip.address, instance.name);
        else sink.error([...at, key, index], `${vip.address} is already an address of vrrp.${owner}`);
      }
    }
    if (instance.addresses.length === 0 && sink.errorCount === 0) {
      sink.error([...at, "addresses"], "names no address");
    }
  }
}

function checkSize(config: Config, originOf: OriginOf, sink: IssueSink): void {
  for (const backend of config.backends) {
    const { length } = backend.servers;
    if (length <= SERVERS_MAX) continue;
    sink.error([...originOf(backend), "servers"], `has ${length} servers; at most ${SERVERS_MAX} in a backend`, {
      mark: "key",
    });
  }
  const servers = config.backends.reduce((sum, backend) => sum + backend.servers.length, 0);
  const count = config.frontends.length + config.backends.length + servers;
  if (count > OBJECT_COUNT_MAX) {
    sink.error(
      [],
      `has ${count} frontends, backends and servers; at most ${OBJECT_COUNT_MAX} have a place in the counters`,
    );
  }
}
