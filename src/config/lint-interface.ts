/** Warnings about interfaces that this machine does not have: an instance on one is in fault until it appears. */
import type { IssueSink, Path } from "./schema-issue.ts";
import type { Config } from "./types.ts";
import type { VrrpConfig } from "./types-vrrp.ts";

/** More do not fit into a line; a machine with containers has hundreds. */
const NAMED_MAX = 8;

/** `interfaces`: those of this machine; undefined: not known, and nothing is said. */
export function lintInterfaces(
  config: Config,
  interfaces: readonly string[] | undefined,
  originOf: (object: object) => Path,
  sink: IssueSink,
): void {
  if (interfaces === undefined) return;
  // Those that instances make themselves come with them.
  const known = new Set([...interfaces, ...config.vrrp.flatMap(({ vmac }) => vmac?.name ?? [])]);
  const more = interfaces.length > NAMED_MAX ? ", …" : "";
  const help = `it has ${interfaces.slice(0, NAMED_MAX).join(", ")}${more}`;
  for (const instance of config.vrrp) {
    for (const { name, place, effect } of namesOf(instance, originOf(instance))) {
      if (known.has(name)) continue;
      sink.warn(place, `this machine has no interface ${name}: ${effect}`, { found: name, help });
    }
  }
}

interface Named {
  readonly name: string;
  readonly place: Path;
  readonly effect: string;
}

function namesOf(instance: VrrpConfig, at: Path): readonly Named[] {
  const { heartbeat, tracks, addresses, excludedAddresses } = instance;
  const faulty = "the instance is in fault until it appears";
  const devices = (key: string, vips: typeof addresses): readonly Named[] =>
    vips.flatMap(({ dev }, index) =>
      dev === null ? [] : [{ name: dev, place: [...at, key, index, "dev"], effect: faulty }],
    );
  return [
    { name: instance.interface, place: [...at, "interface"], effect: faulty },
    ...(heartbeat === undefined
      ? []
      : [{ name: heartbeat.interface, place: [...at, "heartbeat", "interface"], effect: "there is no second path" }]),
    ...tracks.flatMap((track, index) =>
      track.kind === "interface"
        ? [{ name: track.name, place: [...at, "track", index, "interface"], effect: "this track is not well" }]
        : [],
    ),
    ...devices("addresses", addresses),
    ...devices("excluded_addresses", excludedAddresses),
  ];
}
