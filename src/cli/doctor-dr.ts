/** `ballast doctor dr`: does this machine fulfil what LVS direct routing demands, as director, as real server, or both? */
import { readFileSync } from "node:fs";
import { loadConfig } from "../config/shell/environment.ts";
import { renderIssue } from "../config/render-issue.ts";
import type { LvsConfig, RealserverConfig } from "../config/types-lvs.ts";
import { IPVS_FAMILY, schedulers } from "../ipvs/constants.ts";
import { type DeviceFacts, diagnoseDirector, type DirectorFacts, type Finding } from "../ipvs/doctor.ts";
import { KernelTable } from "../ipvs/kernel-table.ts";
import { serviceKey } from "../ipvs/model.ts";
import { hasScheduler, lacksIpvs } from "../ipvs/shell/open.ts";
import { formatIp, networkContains, parseIp } from "../lib/ip.ts";
import { GenericSocket } from "../netlink/shell/generic-socket.ts";
import { RouteSocket } from "../netlink/shell/route-socket.ts";
import { diagnoseReturnPath, type ReturnPathFacts } from "../realserver/doctor.ts";
import { askArp } from "../realserver/shell/arp-ask.ts";
import { receivingInterfaces } from "../realserver/shell/node.ts";
import { Loop } from "../sys/loop.ts";
import { hasCapability } from "../sys/process.ts";
import { type CliArgs } from "./args.ts";
import { commandRow } from "./commands.ts";
import { complain, exitCodes, painter, printJson, printLine, talk, usageFailure } from "./output.ts";
import { examineRealserver } from "./realserver.ts";

export async function runDoctor(args: CliArgs): Promise<number> {
  const help = `usage: ballast ${commandRow("doctor").usage}`;
  const [what = "", ...rest] = args.rest;
  if (what !== "dr" || rest.length > 0) {
    return usageFailure({
      text: what === "" ? "doctor wants a subject" : `"doctor ${args.rest.join(" ")}" is not supported yet`,
      help,
    });
  }
  const { text, config, issues } = loadConfig(args.config);
  if (config === null) {
    for (const issue of issues) talk(`${renderIssue(issue)}\n`);
    return text === null ? exitCodes.io : exitCodes.badConfig;
  }
  const { lvs, realserver } = config;
  if (realserver === undefined && (lvs === undefined || lvs.virtualServers.length === 0)) {
    complain(`${args.config} has neither [virtual_server.NAME] nor [realserver]`);
    talk("name a configuration that has: ballast -c FILE doctor dr\n");
    return exitCodes.negative;
  }
  if (!hasCapability("NET_ADMIN") || !hasCapability("NET_RAW")) {
    complain("doctor dr looks into the kernel and asks by ARP, which needs CAP_NET_ADMIN and CAP_NET_RAW");
    talk("run it as root\n");
    return exitCodes.notPermitted;
  }
  const port = new RouteSocket(new Loop(), () => undefined);
  try {
    const findings = [
      ...(lvs === undefined ? [] : diagnoseDirector(lvs, await directorFacts(port, lvs, realserver))),
      ...(realserver === undefined ? [] : await realserverFindings(port, realserver)),
    ];
    return report(args, findings);
  } finally {
    port.close();
  }
}

function report(args: CliArgs, findings: readonly Finding[]): number {
  const paint = painter(args);
  const words = { ok: paint("good", "ok  "), warn: paint("warn", "WARN"), bad: paint("bad", "BAD ") } as const;
  if (args.json) printJson(findings);
  else {
    for (const { level, text, remedy } of findings) {
      printLine(`${words[level]} ${text}`);
      if (remedy !== "") printLine(`     → ${remedy}`);
    }
  }
  return findings.some((finding) => finding.level === "bad") ? exitCodes.negative : exitCodes.ok;
}

async function directorFacts(
  port: RouteSocket,
  lvs: LvsConfig,
  realserver: RealserverConfig | undefined,
): Promise<DirectorFacts> {
  const services = kernelServices();
  const virtual = lvs.virtualServers.flatMap((each) => each.services);
  const isVirtual = (vip: string): boolean => virtual.some((each) => each.kind === "address" && each.address === vip);
  const backupOnly = readNumber("/proc/sys/net/ipv4/vs/backup_only");
  return {
    services,
    schedulers: new Set(schedulers.filter((name) => hasScheduler(name))),
    devices: deviceFacts(port),
    arp: await arpFacts(port, lvs),
    backupOnly: backupOnly === null ? null : backupOnly === 1,
    isRealServer: realserver?.vips.some(isVirtual) === true,
  };
}

/** Null: the kernel has no IPVS. */
function kernelServices(): ReadonlySet<string> | null {
  try {
    const table = new KernelTable(new GenericSocket(IPVS_FAMILY)).read();
    return new Set(table.ok ? table.value.map((service) => serviceKey(service.id)) : []);
  } catch (error) {
    if (!lacksIpvs(error)) throw error;
    return null;
  }
}

function deviceFacts(port: RouteSocket): readonly DeviceFacts[] {
  return port.view
    .allLinks()
    .filter((link) => !link.loopback)
    .map((link) => ({
      name: link.name,
      mtuBytes: link.mtuBytes,
      networks: networksOf(port, link.index),
      sendsRedirects: ["all", link.name].some((scope) => sysctl(scope, "send_redirects") === 1),
    }));
}

function networksOf(port: RouteSocket, index: number): DeviceFacts["networks"] {
  return port.view
    .addressesOf(index)
    .map(({ family, address, prefixLength }) => ({ address: { family, bytes: address }, prefixLength }));
}

/** Asks every segment for the VIPs and the real servers that belong to it. */
async function arpFacts(port: RouteSocket, lvs: LvsConfig): Promise<DirectorFacts["arp"]> {
  const direct = lvs.virtualServers.filter((virtual) => virtual.forward === "dr");
  const wanted = new Set(
    direct.flatMap(({ services, realServers }) => [
      ...services.flatMap((service) => (service.kind === "address" ? [service.address] : [])),
      ...realServers.map((real) => real.address.address),
    ]),
  );
  const all = new Map<string, ReadonlySet<string>>();
  for (const link of port.view.allLinks()) {
    if (link.loopback || !link.running || link.mac.length !== 6) continue;
    const networks = networksOf(port, link.index).filter((network) => network.address.family === 4);
    const own = new Set(networks.map((network) => formatIp(network.address)));
    const here = [...wanted].filter((text) => {
      const address = parseIp(text);
      if (address?.family !== 4) return false;
      // A real server that is this machine itself is not asked for: nobody answers oneself.
      return networks.some((network) => networkContains(network, address)) && !(own.has(text) && isReal(lvs, text));
    });
    if (here.length === 0) continue;
    for (const [address, macs] of await askArp(link.index, link.mac, here)) all.set(address, macs);
  }
  return all;
}

function isReal(lvs: LvsConfig, address: string): boolean {
  return lvs.virtualServers.some(({ realServers }) => realServers.some((real) => real.address.address === address));
}

async function realserverFindings(
  port: RouteSocket,
  { vips, interface: device }: RealserverConfig,
): Promise<readonly Finding[]> {
  const lines = await examineRealserver(port, { vips, device });
  const facts: ReturnPathFacts = {
    gateway: defaultGateway(),
    receiving: receivingInterfaces(port, vips),
    devices: port.view.allLinks().map((link) => ({
      name: link.name,
      networks: networksOf(port, link.index),
      reversePathFilter: Math.max(sysctl("all", "rp_filter") ?? 0, sysctl(link.name, "rp_filter") ?? 0),
      proxiesArp: ["all", link.name].some((scope) => sysctl(scope, "proxy_arp") === 1),
    })),
  };
  return [
    ...lines.map((line): Finding => ({ level: line.ok ? "ok" : "bad", text: line.text, remedy: line.remedy })),
    ...diagnoseReturnPath(vips, facts),
  ];
}

/** /proc/net/route: interface, destination, gateway as hexadecimal words in the machine's order (little-endian). */
function defaultGateway(): ReturnPathFacts["gateway"] {
  for (const line of readFileSync("/proc/net/route", "latin1").split("\n").slice(1)) {
    const [device = "", destination = "", gateway = "", , , , , mask = ""] = line.split("\t");
    if (destination !== "00000000" || mask !== "00000000") continue;
    const bytes = Uint8Array.fromHex(gateway).reverse();
    return { address: formatIp({ family: 4, bytes }), device };
  }
  return null;
}

function sysctl(scope: string, name: string): number | null {
  return readNumber(`/proc/sys/net/ipv4/conf/${scope}/${name}`);
}

function readNumber(path: string): number | null {
  try {
    return Number(readFileSync(path, "latin1"));
  } catch {
    // Not every kernel has every setting.
    return null;
  }
}
