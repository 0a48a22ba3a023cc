/** [vrrp_group.NAME]: which instances change state together, and what they follow together. */
import { didYouMean } from "../lib/suggest.ts";
import type { NormaliseContext } from "./normalise-context.ts";
import { normaliseNotify } from "./normalise-notify.ts";
import { normaliseTrack, type ScriptEntry } from "./normalise-track.ts";
import type { Decoded } from "./schema-type.ts";
import type { trackRows } from "./schema-vrrp.ts";
import type { VrrpGroupConfig } from "./types-vrrp.ts";

type WrittenTrack = Decoded<typeof trackRows>;

/** Instance name → its group. */
export function normaliseGroups(
  scripts: ReadonlyMap<string, ScriptEntry>,
  context: NormaliseContext,
): ReadonlyMap<string, VrrpGroupConfig> {
  const instances = context.document.vrrp ?? [];
  const names = instances.map((instance) => instance.name);
  const memberships = new Map<string, VrrpGroupConfig>();
  for (const { name, at, value } of context.document.vrrp_group ?? []) {
    const tracks = (value.track ?? []).flatMap((track) => normaliseTrack(track, scripts, context));
    const notify = normaliseNotify(value.notify, [...at, "notify"], context);
    const group: VrrpGroupConfig = { name, tracks, ...(notify === undefined ? {} : { notify }) };
    if (value.members?.length === 0) context.sink.error([...at, "members"], "names no instance");
    for (const member of value.members ?? []) {
      const known = memberships.get(member.value);
      if (!names.includes(member.value)) {
        const message = `there is no [vrrp.${member.value}]${didYouMean(member.value, names)}`;
        context.sink.error(member.at, message, { found: member.value });
      } else if (known !== undefined) {
        const message = known.name === name ? "is named twice" : `is a member of [vrrp_group.${known.name}] already`;
        context.sink.error(member.at, message, { found: member.value });
      } else memberships.set(member.value, group);
    }
  }
  for (const { name, value } of instances) {
    const membership = memberships.get(name);
    if (membership === undefined) continue;
    for (const track of value.track ?? []) {
      if (!hasWeight(track.value, scripts)) continue;
      // One member's priority would change alone, and the halves of the group elect against each other.
      context.sink.error([...track.at, "weight"], `"${name}" is in a group: a weight of its own would split it`, {
        help: `move this track to [vrrp_group.${membership.name}], or use weight 0`,
      });
    }
  }
  return memberships;
}

/** A weight that is written, or the one that the entry has when none is. */
function hasWeight(track: WrittenTrack, scripts: ReadonlyMap<string, ScriptEntry>): boolean {
  const { weight, file, script } = track;
  if (weight !== undefined) return weight !== 0;
  return file !== undefined || (script !== undefined && (scripts.get(script)?.weight ?? 0) !== 0);
}
