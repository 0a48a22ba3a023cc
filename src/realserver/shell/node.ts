/** This machine as a real server: what is set, and changes to it. Addresses go over the rtnetlink that is handed in. */
import { mkdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { formatIp, networkContains, parseIp } from "../../lib/ip.ts";
import { addressScope, type AddressFact } from "../../netlink/codec-route.ts";
import type { RoutePort } from "../../netlink/route-port.ts";
import {
  arpSettings,
  type ArpSetting,
  type NodeFacts,
  type Saved,
  type Step,
  sysctlPath,
  type SysctlState,
} from "../plan.ts";
import { parseSaved, savedText } from "../saved.ts";

const names = Object.keys(arpSettings) as readonly ArpSetting[];

/** Saved states by network namespace: sysctls and addresses belong to one. They end with the boot, so this is /run. */
export function savedPath(runtimeDirectory: string): string {
  const namespace = /\d+/.exec(readlinkSync("/proc/self/ns/net"))?.[0] ?? "0";
  return `${runtimeDirectory}/realserver-${namespace}.json`;
}

/** Null: nothing was saved, or nothing that can be read. */
export function readSaved(path: string): Saved | null {
  try {
    return parseSaved(readFileSync(path, "utf8"));
  } catch {
    return null;
  }
}

/** Null removes the file. */
export function writeSaved(path: string, saved: Saved | null): void {
  if (saved === null) {
    rmSync(path, { force: true });
    return;
  }
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, savedText(saved), { mode: 0o600 });
}

/** `extra`: interfaces whose sysctls matter besides those that receive packets for the addresses now. */
export function readFacts(
  port: RoutePort,
  vips: readonly string[],
  device: string,
  extra: readonly string[],
): NodeFacts {
  const link = port.view.link(device);
  const here = link === null ? [] : port.view.addressesOf(link.index).map(textOf);
  const scopes = new Set(["all", ...receivingInterfaces(port, vips), ...extra]);
  return {
    present: new Set(here.filter((address) => vips.includes(address))),
    sysctls: [...scopes].flatMap((scope) => names.flatMap((name) => readSysctl(scope, name) ?? [])),
  };
}

/** Interfaces in the network of a VIP; where none is, every interface with an IPv4 address but the loopback. */
export function receivingInterfaces(port: RoutePort, vips: readonly string[]): readonly string[] {
  const links = port.view.allLinks().filter((link) => !link.loopback);
  const addressesOf = (index: number): readonly AddressFact[] =>
    port.view.addressesOf(index).filter((address) => address.family === 4);
  const wanted = vips.flatMap((vip) => parseIp(vip) ?? []).filter((vip) => vip.family === 4);
  const inside = links.filter((link) =>
    addressesOf(link.index).some(({ family, address, prefixLength }) =>
      wanted.some((vip) => networkContains({ address: { family, bytes: address }, prefixLength }, vip)),
    ),
  );
  const chosen = inside.length > 0 ? inside : links.filter((link) => addressesOf(link.index).length > 0);
  return chosen.map((link) => link.name);
}

/** Null, or why the step could not be done. */
export function performStep(port: RoutePort, step: Step): string | null {
  if (step.kind === "sysctl") return writeSysctl(step.scope, step.name, step.value);
  const link = port.view.link(step.interface);
  if (link === null) return `there is no interface ${step.interface}`;
  const address = parseIp(step.address);
  if (address === null) return `${step.address} is no address`;
  const [result] = port.change(step.kind, [
    {
      linkIndex: link.index,
      family: address.family,
      address: address.bytes,
      prefixLength: address.bytes.length * 8,
      scope: addressScope.global,
      broadcast: null,
      label: null,
      owner: null,
    },
  ]);
  return result === undefined || result.errno === 0 ? null : `${step.address} on ${step.interface}: ${result.text}`;
}

function readSysctl(scope: string, name: ArpSetting): SysctlState | null {
  try {
    return { scope, name, value: Number(readFileSync(`/proc/sys/${sysctlPath(scope, name)}`, "latin1")) };
  } catch {
    // The interface went away: nothing of it is left to set.
    return null;
  }
}

function writeSysctl(scope: string, name: ArpSetting, value: number): string | null {
  const path = `/proc/sys/${sysctlPath(scope, name)}`;
  try {
    writeFileSync(path, `${value}\n`);
    return null;
  } catch (error) {
    return `${path}: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function textOf({ family, address }: AddressFact): string {
  return formatIp({ family, bytes: address });
}
