/** Warnings about virtual routers. The arithmetic is keepalived's: effective priority = base + weights, kept in 1–254. */
import { addressBytes } from "../net/address.ts";
import { isLinkLocal } from "../net/ipv6.ts";
import { lintReach } from "./lint-reach.ts";
import type { IssueSink, Path } from "./schema-issue.ts";
import type { TrackConfig, VrrpConfig } from "./types-vrrp.ts";
import type { Config } from "./types.ts";

type OriginOf = (object: object) => Path;

export function lintVrrp(config: Config, originOf: OriginOf, sink: IssueSink): void {
  for (const instance of config.vrrp) {
    const at = originOf(instance);
    lintPreempt(instance, at, sink);
    for (const [index, track] of instance.tracks.entries()) lintWeight(instance, track, [...at, "track", index], sink);
    lintReach(instance.tracks, [instance], at, sink);
    lintPassword(instance, at, sink);
    lintFirstAddress(instance, at, sink);
    if (instance.unicast !== null && instance.multicastSource !== null) {
      sink.warn([...at, "multicast_source"], "is not used: adverts go to the unicast peers", { mark: "key" });
    }
    if (instance.tracks.length === 0 && config.frontends.length > 0) {
      sink.warn(at, "tracks nothing: the address stays on this node when its proxy no longer serves", {
        mark: "key",
        help: "add track = [{ proxy = true }]",
      });
    }
  }
  for (const { name, tracks } of new Set(config.vrrp.flatMap(({ group }) => group ?? []))) {
    const members = config.vrrp.filter(({ group }) => group?.name === name);
    lintReach(tracks, members, ["vrrp_group", name], sink);
  }
}

/** RFC 9568 §5.2.9: the first is the virtual router's own; neighbours that use it as their router know it by that one. */
function lintFirstAddress({ addresses }: VrrpConfig, at: Path, sink: IssueSink): void {
  const [first] = addresses;
  if (first?.family !== 6 || isLinkLocal(addressBytes(first.address))) return;
  sink.warn([...at, "addresses", 0], "is not a link-local address, which the first one over IPv6 is to be (RFC 9568)", {
    help: "put a link-local address (fe80::…) first, the same on every node; keepalived warns of this too",
  });
}

function lintPreempt(instance: VrrpConfig, at: Path, sink: IssueSink): void {
  if (instance.preempt) {
    return;
  }
  const place = [...at, "preempt"];
  if (instance.initialState === "master") {
    const help = 'set state = "backup" on every node; the priority decides who begins';
    sink.warn(place, 'preempt = false has no effect with state = "master"', { mark: "key", help });
  }
  if (instance.tracks.some((track) => track.weight !== 0)) {
    const help = "use weight 0 (fault while it fails), or preempt = true with preempt_delay";
    sink.warn(place, "preempt = false with a track weight: a lower priority alone never moves the address", {
      mark: "key",
      help,
    });
  }
}

/** The peer's priority is in another file: only a weight that cannot change this node's own is certain. */
function lintWeight(instance: VrrpConfig, track: TrackConfig, at: Path, sink: IssueSink): void {
  if (track.weight === 0) return;
  const { priority } = instance;
  const good = effective(priority, Math.max(track.weight, 0));
  const bad = effective(priority, Math.min(track.weight, 0));
  if (good !== bad) return;
  const message = `weight ${track.weight} never changes the priority, which stays at ${good}: it can never flip mastership`;
  sink.warn(at, message, { help: "use weight 0 (fault while it fails), or a priority below 254" });
}

function effective(priority: number, weight: number): number {
  // The owner of the addresses keeps 255 whatever happens.
  if (priority === 255) return 255;
  return Math.min(254, Math.max(1, priority + weight));
}

/** Passwords of tutorials and distributions: whoever forges adverts tries them first. */
const knownPasswords = [
  "1111",
  "1234",
  "12345",
  "123456",
  "12345678",
  "0000",
  "admin",
  "changeme",
  "default",
  "keepaliv",
  "keepalived",
  "pass",
  "passwd",
  "password",
  "root",
  "secret",
  "test",
  "vrrp",
];

function lintPassword(instance: VrrpConfig, at: Path, sink: IssueSink): void {
  const { authPassword } = instance;
  if (authPassword === null) return;
  const isNumber = authPassword === String(instance.virtualRouterId);
  if (!isNumber && !knownPasswords.includes(authPassword.toLowerCase())) return;
  const isSealed = instance.authType === "ah";
  sink.warn([...at, "auth", "password"], "is a password that everybody knows", {
    help: isSealed
      ? "choose a random one"
      : "it travels in clear anyway: choose a random one, and filter IP protocol 112 at the border",
  });
}
