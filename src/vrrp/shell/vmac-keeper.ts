/** Makes and removes the macvlan interfaces of instances with a MAC address of their own. */
import { readFileSync, writeFileSync } from "node:fs";
import type { NftPort } from "../../netlink/nft-port.ts";
import type { LinkFact } from "../../netlink/codec-route.ts";
import type { RoutePort } from "../../netlink/route-port.ts";
import { sameAddress } from "../../net/address.ts";
import { errnoText } from "../../sys/errno.ts";
import type { InstanceSettings, VmacSettings } from "../settings.ts";
import { HushKeeper } from "./hush-keeper.ts";
import { anotherSpeaks } from "./leftovers.ts";
import { baseSwitches, readVmacAlias, type Switch, vmacAlias, vmacSwitches } from "../vmac.ts";

interface Kept {
  readonly name: string;
  readonly base: string;
}

export class VmacKeeper {
  private readonly route: RoutePort;
  private readonly warn: (text: string) => void;
  private readonly hush: HushKeeper;
  private kept: readonly Kept[] = [];
  private hasSwept = false;
  /** Making one brings notifications, which ask for it again. */
  private readonly making = new Set<string>();

  constructor(route: RoutePort, warn: (text: string) => void, openNft: () => NftPort | string) {
    this.route = route;
    this.warn = warn;
    this.hush = new HushKeeper(openNft, warn);
  }

  /** Keeps those of these instances, removes the others. */
  keep(wanted: readonly InstanceSettings[]): void {
    const next = wanted.flatMap(({ vmac, interfaceName }) =>
      vmac === null ? [] : [{ name: vmac.name, base: interfaceName }],
    );
    const gone = this.kept.filter((old) => !next.some((each) => each.name === old.name && each.base === old.base));
    this.kept = next;
    for (const old of gone) this.remove(old);
    this.sweep();
    this.hush.keep(wanted.flatMap(({ vmac, vips }) => (vmac !== null && haveIpv6(vips) ? [vmac.name] : [])));
    for (const { vmac, vips } of wanted) {
      const link = vmac === null ? null : this.route.view.link(vmac.name);
      if (link !== null && readVmacAlias(link.alias) !== null) this.turnAll(vmacSwitches(link.name, haveIpv6(vips)));
    }
  }

  /** Makes the instance's interface unless it is there and up. Null: it is, or none is wanted; else why not. */
  ensure({ vmac, interfaceName, vips }: InstanceSettings): string | null {
    if (vmac === null || this.making.has(vmac.name)) return null;
    const { view } = this.route;
    const base = view.link(interfaceName);
    if (base === null) return `interface ${interfaceName} does not exist`;
    const known = view.link(vmac.name);
    if (known !== null && readVmacAlias(known.alias) === null) {
      return `interface ${vmac.name} exists and Ballast did not make it`;
    }
    if (known !== null && sameAddress(known.mac, vmac.mac) && known.running) return null;
    this.making.add(vmac.name);
    const refusal = this.make(vmac, interfaceName, base.index, known?.index ?? null, haveIpv6(vips));
    this.making.delete(vmac.name);
    return refusal;
  }

  private make(
    vmac: VmacSettings,
    base: string,
    baseIndex: number,
    knownIndex: number | null,
    ipv6: boolean,
  ): string | null {
    const { name, mac } = vmac;
    const noted = knownIndex === null ? null : readVmacAlias(this.route.view.link(name)?.alias);
    const before = noted ?? this.valuesBefore(base);
    if (knownIndex === null) {
      const errno = this.route.changeLink({ kind: "add_macvlan", macvlan: { name, baseIndex, mac } });
      if (errno !== 0) return `interface ${name} cannot be made: ${errnoText(errno)}`;
      this.route.drain();
    }
    const index = this.route.view.link(name)?.index;
    if (index === undefined) return `interface ${name} does not appear`;
    this.turnAll([...vmacSwitches(name, ipv6), ...baseSwitches(base)]);
    const errno = this.route.changeLink({ kind: "up", index, alias: vmacAlias(before) });
    if (errno !== 0) {
      // Down it is of no use to anybody, and the kernel would not tell of the note on it. The next attempt makes it anew.
      this.removeLink({ name, index });
      if (!this.othersOn(base, name)) this.restore(base, before);
    }
    this.route.drain();
    return errno === 0 ? null : `interface ${name} cannot be raised: ${errnoText(errno)}`;
  }

  /** Whether another interface of ours stands on the base, and needs its switches as they are. */
  private othersOn(base: string, name: string): boolean {
    return this.kept.some(
      (each) =>
        each.base === base && each.name !== name && readVmacAlias(this.route.view.link(each.name)?.alias) !== null,
    );
  }

  /** The base's switches as they were before any interface of ours: an earlier one has noted them. */
  private valuesBefore(base: string): readonly string[] {
    for (const other of this.kept) {
      const noted = other.base === base ? readVmacAlias(this.route.view.link(other.name)?.alias) : null;
      if (noted !== null) return noted;
    }
    return baseSwitches(base).map((each) => read(each) ?? "0");
  }

  private remove({ name, base }: Kept): void {
    const link = this.route.view.link(name);
    const before = readVmacAlias(link?.alias);
    if (link === null || before === null) return;
    this.removeLink(link);
    if (!this.kept.some((each) => each.base === base)) this.restore(base, before);
  }

  /**
   * At the start: interfaces that a killed speaker made, and that the configuration no longer names or names on another
   * one. All Ballasts note the same on them: beside another speaker they are left alone.
   */
  private sweep(): void {
    if (this.hasSwept) return;
    this.hasSwept = true;
    const links = this.route.view.allLinks();
    const left = links.flatMap((link) => {
      const before = readVmacAlias(link.alias);
      const base = links.find(({ index }) => index === link.baseIndex)?.name ?? null;
      return before === null ? [] : [{ link, before, base }];
    });
    const isWanted = ({ link, base }: (typeof left)[number]): boolean =>
      this.kept.some((each) => each.name === link.name && each.base === base);
    const strays = left.filter((each) => !isWanted(each));
    if (strays.length === 0 || anotherSpeaks()) return;
    for (const { link, before, base } of strays) {
      this.removeLink(link);
      // One that stays has noted what was before, and will restore it.
      if (base !== null && !left.some((each) => each.base === base && isWanted(each))) this.restore(base, before);
    }
  }

  private removeLink({ name, index }: Pick<LinkFact, "name" | "index">): void {
    const errno = this.route.changeLink({ kind: "delete", index });
    if (errno !== 0) this.warn(`interface ${name} cannot be removed: ${errnoText(errno)}`);
  }

  /** The base's switches, to what they stood at before any interface of ours. */
  private restore(base: string, before: readonly string[]): void {
    baseSwitches(base).forEach((each, i) => {
      if (before[i] !== undefined) this.turn({ ...each, value: before[i] });
    });
  }

  private turnAll(switches: readonly Switch[]): void {
    for (const each of switches) this.turn(each);
  }

  private turn(each: Switch): void {
    if (read(each) === each.value) return;
    try {
      writeFileSync(pathOf(each), each.value);
    } catch (error) {
      this.warn(`${pathOf(each)} cannot be set to ${each.value}: ${(error as Error).message}`);
    }
  }
}

function haveIpv6(vips: InstanceSettings["vips"]): boolean {
  return vips.some(({ address }) => address.length === 16);
}

/** Null: this kernel does not have it, or not for this interface. */
function read(each: Switch): string | null {
  try {
    return readFileSync(pathOf(each), "utf8").trim();
  } catch {
    return null;
  }
}

function pathOf({ interfaceName, path }: Switch): string {
  const [family, key] = path.split("/");
  return `/proc/sys/net/${family}/conf/${interfaceName}/${key}`;
}
