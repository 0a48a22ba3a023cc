/** Whose changes hooks are about: the instances of a configuration and their groups. */
import type { Happening } from "../admin/api.ts";
import type { NotifyConfig, VrrpConfig } from "../config/types-vrrp.ts";
import { unreachable } from "../lib/result.ts";
import type { GroupChange, Membership } from "../notify/group-state.ts";
import { hookKey } from "../notify/hook.ts";

interface ConfiguredHooks {
  /** Keys of all instances and groups, with hooks or without. */
  readonly present: ReadonlySet<string>;
  readonly notify: ReadonlyMap<string, NotifyConfig>;
}

export function hooksOf(instances: readonly VrrpConfig[]): ConfiguredHooks {
  const present = new Set<string>();
  const notify = new Map<string, NotifyConfig>();
  const add = (key: string, hooks: NotifyConfig | undefined): void => {
    present.add(key);
    if (hooks !== undefined) notify.set(key, hooks);
  };
  for (const instance of instances) {
    add(hookKey({ subject: "INSTANCE", name: instance.name }), instance.notify);
    const { group } = instance;
    if (group !== undefined) add(hookKey({ subject: "GROUP", name: group.name }), group.notify);
  }
  return { present, notify };
}

export function memberships(instances: readonly VrrpConfig[]): readonly Membership[] {
  return instances.map(({ name, group }) => ({ name, group: group?.name ?? null }));
}

/** The change of a group for the journal. */
export function groupHappening({ group, from, to }: GroupChange): Happening {
  return {
    level: to === "fault" ? "warning" : "notice",
    kind: "vrrp.group",
    object: group,
    text: stateText(to),
    fields: { from, to },
  };
}

function stateText(to: GroupChange["to"]): string {
  switch (to) {
    case "master":
      return "all members lead";
    case "backup":
      return "all members are backups";
    case "fault":
      return "all members are in fault: one of them is, and the others with it";
    case "maint":
      return "all members are in maintenance";
    case "init":
      return "all members have ended, or the group is no more";
    default:
      return unreachable(to);
  }
}
