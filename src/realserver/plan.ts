/**
 * A real server of LVS direct routing: it answers the virtual address and says nothing of it by ARP (pure).
 *
 * The kernel answers ARP for every address of the machine on every interface, so a VIP on lo would steal the traffic
 * from the director. What counts is the larger of conf/all and conf/<receiving interface> (Documentation/networking/
 * ip-sysctl.rst): arp_ignore 1 answers only for addresses of the interface that was asked, arp_announce 2 never names
 * the VIP as sender. IPv6 looks up neighbour solicitations on the receiving interface only: lo is silent by itself.
 *
 *   up     sysctls first, then addresses: not a single ARP answer in between. What was there before is kept.
 *   down   addresses first, then every sysctl that still has our value gets its former one.
 */
import { parseIp } from "../lib/ip.ts";

export const arpSettings = { arp_ignore: 1, arp_announce: 2 } as const;
export type ArpSetting = keyof typeof arpSettings;

/** Values that keep the VIP silent: 2 asks for the same subnet as well, 8 never answers; 3 would answer for a VIP. */
const silentIgnore: readonly number[] = [1, 2, 8];

export interface SysctlState {
  /** Interface, or "all". */
  readonly scope: string;
  readonly name: ArpSetting;
  readonly value: number;
}

export interface NodeFacts {
  /** Virtual addresses on the interface that carries them. */
  readonly present: ReadonlySet<string>;
  /** Of "all" and of every receiving interface. */
  readonly sysctls: readonly SysctlState[];
}

/** What `down` needs: kept in a file from the first `up` on. */
export interface Saved {
  readonly interface: string;
  /** Addresses that `up` has added. */
  readonly addresses: readonly string[];
  readonly sysctls: readonly {
    readonly scope: string;
    readonly name: ArpSetting;
    readonly before: number;
    readonly set: number;
  }[];
}

export type Step =
  | { readonly kind: "sysctl"; readonly scope: string; readonly name: ArpSetting; readonly value: number }
  | { readonly kind: "add" | "remove"; readonly address: string; readonly interface: string };

export interface RealserverPlan {
  readonly steps: readonly Step[];
  /** Null: nothing is left to undo. */
  readonly saved: Saved | null;
  /** What was found and left as it is. */
  readonly notes: readonly string[];
}

function isSilent({ name, value }: SysctlState): boolean {
  return name === "arp_ignore" ? silentIgnore.includes(value) : value >= arpSettings.arp_announce;
}

export function planUp(vips: readonly string[], device: string, facts: NodeFacts, saved: Saved | null): RealserverPlan {
  const known = new Map<string, Saved["sysctls"][number]>();
  for (const each of saved?.sysctls ?? []) known.set(`${each.scope} ${each.name}`, each);
  const steps: Step[] = [];
  const needsSilence = vips.some((vip) => parseIp(vip)?.family === 4);
  for (const state of needsSilence ? facts.sysctls : []) {
    if (isSilent(state)) continue;
    const { scope, name, value } = state;
    steps.push({ kind: "sysctl", scope, name, value: arpSettings[name] });
    const key = `${scope} ${name}`;
    // Somebody turned it back: the value to return to is still the one from before us.
    if (!known.has(key)) known.set(key, { scope, name, before: value, set: arpSettings[name] });
  }
  const missing = vips.filter((vip) => !facts.present.has(vip));
  for (const address of missing) steps.push({ kind: "add", address, interface: device });
  const addresses = [...new Set([...(saved?.addresses ?? []), ...missing])];
  return { steps, saved: { interface: device, addresses, sysctls: [...known.values()] }, notes: [] };
}

/** Without a saved state only the addresses are known; sysctls then stay as they are. */
export function planDown(
  vips: readonly string[],
  device: string,
  facts: NodeFacts,
  saved: Saved | null,
): RealserverPlan {
  const steps: Step[] = [];
  const notes: string[] = [];
  for (const vip of vips) {
    if (!facts.present.has(vip)) continue;
    if (saved === null || saved.addresses.includes(vip))
      steps.push({ kind: "remove", address: vip, interface: device });
    else notes.push(`${vip} was on ${device} before "up": it stays`);
  }
  if (saved === null) return { steps, saved: null, notes };
  const left = saved.addresses.filter((address) => !vips.includes(address));
  if (left.length > 0) return { steps, saved: { ...saved, addresses: left }, notes };
  for (const { scope, name, before, set } of saved.sysctls) {
    const now = facts.sysctls.find((state) => state.scope === scope && state.name === name)?.value;
    if (now === undefined || now === before) continue;
    if (now === set) steps.push({ kind: "sysctl", scope, name, value: before });
    else notes.push(`${sysctlPath(scope, name)} is ${now}, which somebody else set: it stays`);
  }
  return { steps, saved: null, notes };
}

/** "net/ipv4/conf/eth0.100/arp_ignore": with slashes, since interface names may have dots. */
export function sysctlPath(scope: string, name: ArpSetting): string {
  return `net/ipv4/conf/${scope}/${name}`;
}

/** The same as a command for a shell. */
export function stepCommand(step: Step): string {
  switch (step.kind) {
    case "sysctl":
      return `sysctl -qw ${sysctlPath(step.scope, step.name)}=${step.value}`;
    case "add":
      return `ip address add ${prefixed(step.address)} dev ${step.interface}${isIpv6(step.address) ? " nodad" : ""}`;
    case "remove":
      return `ip address del ${prefixed(step.address)} dev ${step.interface}`;
  }
}

function isIpv6(address: string): boolean {
  return address.includes(":");
}

/** One host and nothing more: a shorter prefix would make its whole network local. */
function prefixed(address: string): string {
  return `${address}/${isIpv6(address) ? 128 : 32}`;
}

export interface StatusLine {
  readonly ok: boolean;
  readonly text: string;
  /** What to do; empty when all is well. */
  readonly remedy: string;
}

/** What the kernel's settings say; whether they work is the probe's to show. */
export function statusLines(vips: readonly string[], device: string, facts: NodeFacts): readonly StatusLine[] {
  const lines: StatusLine[] = vips.map((vip) => {
    const ok = facts.present.has(vip);
    return { ok, text: `${vip} is ${ok ? "" : "not "}on ${device}`, remedy: ok ? "" : "ballast realserver up" };
  });
  if (!vips.some((vip) => !isIpv6(vip))) return lines;
  const scopes = [...new Set(facts.sysctls.map((state) => state.scope))].filter((scope) => scope !== "all");
  for (const scope of scopes)
    for (const name of ["arp_ignore", "arp_announce"] as const) lines.push(effective(scope, name, facts));
  return lines;
}

function effective(scope: string, name: ArpSetting, facts: NodeFacts): StatusLine {
  const value = Math.max(
    ...facts.sysctls
      .filter((each) => each.name === name && (each.scope === scope || each.scope === "all"))
      .map((each) => each.value),
  );
  const ok = isSilent({ scope, name, value });
  const text = `${name} of ${scope} is effectively ${value}`;
  return { ok, text, remedy: ok ? "" : `wanted ${arpSettings[name]}: ballast realserver up` };
}
