/** Warnings about keys that are understood and change nothing where they stand. What [defaults] say is meant for others, too. */
import type { checkRows } from "./schema-check.ts";
import type { Decoded } from "./schema-type.ts";
import type { Document } from "./schema.ts";
import type { IssueSink, Path } from "./schema-issue.ts";
import type { timeoutRows } from "./schema-tuning.ts";
import type { Mode } from "./types-proxy.ts";
import type { Config } from "./types.ts";

type TimeoutName = keyof Decoded<typeof timeoutRows>;
type OriginOf = (object: object) => Path;

/** configuration.txt 2.6, 4.1: which timeouts each kind of section takes. */
const backendOnly: readonly TimeoutName[] = ["connect", "server", "queue", "check"];
const frontendOnly: readonly TimeoutName[] = [
  "client",
  "http_request",
  "http_keep_alive",
  "client_fin",
  "tls_handshake",
];

export function lintUnusedKeys(config: Config, document: Document, originOf: OriginOf, sink: IssueSink): void {
  for (const frontend of config.frontends) {
    if (originOf(frontend)[0] === "listen") continue;
    const own = document.frontend?.find(({ name }) => name === frontend.name);
    warnTimeouts(own?.value.timeouts, own?.at ?? [], backendOnly, "is a backend's", sink);
  }
  for (const backend of config.backends) {
    if (originOf(backend)[0] === "listen") continue;
    const own = document.backend?.find(({ name }) => name === backend.name);
    warnTimeouts(own?.value.timeouts, own?.at ?? [], frontendOnly, "is a frontend's", sink);
  }
  for (const { name, mode } of config.frontends) {
    const own =
      document.frontend?.find((item) => item.name === name) ?? document.listen?.find((item) => item.name === name);
    if (own !== undefined) lintMode(mode, own.value, sink);
  }
  for (const { at, value } of [...(document.backend ?? []), ...(document.listen ?? [])]) {
    lintCheck(value.check, at, sink);
    for (const server of value.servers ?? []) lintCheck(server.value.check, server.at, sink);
  }
  lintMaxconn(config, originOf, sink);
  lintVirtualRouters(config, originOf, sink);
}

interface OwnOptions {
  readonly options?: readonly { readonly at: Path; readonly value: { readonly name: string; readonly on: boolean } }[];
}

function lintMode(mode: Mode, own: OwnOptions, sink: IssueSink): void {
  if (mode === "http") return;
  const close = own.options?.find(({ value }) => value.name === "http_close" && value.on);
  if (close !== undefined) sink.warn(close.at, 'option "http_close" has nothing to close in mode "tcp"');
}

function warnTimeouts(
  written: Decoded<typeof timeoutRows> | undefined,
  at: Path,
  names: readonly TimeoutName[],
  whose: string,
  sink: IssueSink,
): void {
  for (const name of names) {
    if (written?.[name] === undefined) continue;
    sink.warn([...at, "timeouts", name], `timeout "${name}" ${whose}: here it changes nothing`, { mark: "key" });
  }
}

/** One table names one probe; what belongs to the other one is not asked. */
function lintCheck(check: boolean | Decoded<typeof checkRows> | undefined, at: Path, sink: IssueSink): void {
  if (typeof check !== "object" || check.tcp === undefined) return;
  if (check.http !== undefined) {
    sink.warn([...at, "check", "tcp"], "changes nothing beside http: the check is by HTTP", { mark: "key" });
    return;
  }
  if (check.expect === undefined) return;
  sink.warn([...at, "check", "expect"], "changes nothing in a check by TCP: nothing is asked", { mark: "key" });
}

function lintMaxconn({ global, frontends }: Config, originOf: OriginOf, sink: IssueSink): void {
  for (const frontend of frontends) {
    if (frontend.maxconn <= global.maxconn) continue;
    const message = `${frontend.maxconn} connections are never reached: global.maxconn is ${global.maxconn}`;
    sink.warn([...originOf(frontend), "maxconn"], message, { mark: "key" });
  }
}

function lintVirtualRouters({ vrrp }: Config, originOf: OriginOf, sink: IssueSink): void {
  for (const instance of vrrp) {
    const at = originOf(instance);
    if (!instance.preempt && instance.preemptDelayMs > 0) {
      sink.warn([...at, "preempt_delay"], "has no effect with preempt = false", { mark: "key" });
    }
    const own = instance.unicast?.peers.find((peer) => instance.addresses.some(({ address }) => address === peer));
    if (own !== undefined) {
      sink.warn([...at, "unicast"], `peer ${own} is a virtual address of this instance: adverts would reach ourselves`);
    }
  }
}
