/**
 * `ballast doctor dr` on the director: what direct routing demands, against what was found (pure). The rules are those of
 * LVS-DR: the director changes the destination MAC and nothing else, so real servers must be on its segment, listen on
 * the service's own port, and keep silent about the VIP.
 */
import { formatIp, networkContains, parseIp } from "../lib/ip.ts";
import type { IpNetwork } from "../lib/ip.ts";
import type { LvsConfig, VirtualServerConfig } from "../config/types-lvs.ts";
import { serviceKey } from "./model.ts";

/** bad: it cannot work; warn: it may not, or could not be found out. */
export type Level = "ok" | "warn" | "bad";

export interface Finding {
  readonly level: Level;
  readonly text: string;
  /** What to do; empty when all is well. */
  readonly remedy: string;
}

export interface DeviceFacts {
  readonly name: string;
  readonly mtuBytes: number;
  readonly networks: readonly IpNetwork[];
  /** Effective: the kernel sends redirects when either all or the interface says so. */
  readonly sendsRedirects: boolean;
}

export interface DirectorFacts {
  /** Null: the kernel has no IPVS. */
  readonly services: ReadonlySet<string> | null;
  /** Schedulers that the kernel has or can load; null: it could not be found out. */
  readonly schedulers: ReadonlySet<string> | null;
  readonly devices: readonly DeviceFacts[];
  /** Who answered ARP for an address; an address that was not asked for is missing. */
  readonly arp: ReadonlyMap<string, ReadonlySet<string>>;
  /** net.ipv4.vs.backup_only; null: there is none. */
  readonly backupOnly: boolean | null;
  /** This machine is a real server of its own services, too. */
  readonly isRealServer: boolean;
}

function ok(text: string): Finding {
  return { level: "ok", text, remedy: "" };
}

function bad(text: string, remedy: string): Finding {
  return { level: "bad", text, remedy };
}

function warn(text: string, remedy: string): Finding {
  return { level: "warn", text, remedy };
}

export function diagnoseDirector(lvs: LvsConfig, facts: DirectorFacts): readonly Finding[] {
  const findings: Finding[] = [kernelFinding(facts)];
  for (const virtual of lvs.virtualServers) {
    findings.push(...schedulerFindings(virtual, facts), ...tableFindings(virtual, facts));
    if (virtual.forward !== "dr") continue;
    findings.push(...portFindings(virtual), ...segmentFindings(virtual, facts), ...silenceFindings(virtual, facts));
  }
  findings.push(...deviceFindings(lvs, facts));
  if (facts.isRealServer) {
    findings.push(
      facts.backupOnly === true
        ? ok("this director is also a real server, and balances as master only (backup_only = 1)")
        : bad(
            "this director is also a real server: two of them can send packets for a VIP round in circles",
            "sysctl -w net.ipv4.vs.backup_only=1",
          ),
    );
  }
  return findings;
}

function kernelFinding({ services }: DirectorFacts): Finding {
  if (services !== null) return ok("the kernel has IPVS");
  return bad("the kernel has no IPVS", "modprobe ip_vs, or a kernel that has it");
}

function schedulerFindings(
  { name, scheduler }: VirtualServerConfig,
  { schedulers }: DirectorFacts,
): readonly Finding[] {
  if (schedulers === null) return [];
  if (schedulers.has(scheduler)) return [ok(`${name}: scheduler ${scheduler} is there`)];
  return [
    bad(`${name}: the kernel has no scheduler ${scheduler}`, `modprobe ip_vs_${scheduler}, or another scheduler`),
  ];
}

function tableFindings(virtual: VirtualServerConfig, { services }: DirectorFacts): readonly Finding[] {
  if (services === null) return [];
  return virtual.services.map((service) => {
    const key = serviceKey(service);
    if (services.has(key)) return ok(`${virtual.name}: ${key} is in the kernel's table`);
    return warn(`${virtual.name}: ${key} is not in the kernel's table`, "ballast run, and look at its events");
  });
}

function portFindings(virtual: VirtualServerConfig): readonly Finding[] {
  return virtual.realServers.flatMap(({ name, address }) =>
    virtual.services.flatMap((service) => {
      if (service.kind !== "address" || service.port === 0 || address.port === null) return [];
      if (address.port === service.port) return [];
      const text = `${virtual.name}: ${name} is named with port ${address.port}, and packets keep port ${service.port}`;
      return [bad(text, `let it listen on ${service.port}, or use forward = "nat"`)];
    }),
  );
}

function segmentFindings(virtual: VirtualServerConfig, { devices, arp }: DirectorFacts): readonly Finding[] {
  return virtual.realServers.map(({ name, address: { address } }) => {
    const device = deviceOf(address, devices);
    if (device === null) {
      const remedy = 'put it on the same segment, or use forward = "tun"';
      return bad(`${virtual.name}: ${name} is on no network of this machine`, remedy);
    }
    const answers = arp.get(address);
    if (answers === undefined || answers.size > 0)
      return ok(`${virtual.name}: ${name} is on the segment of ${device.name}`);
    const remedy = "is it up, and on this segment? A router in between does not do";
    return bad(`${virtual.name}: ${name} does not answer ARP on ${device.name}`, remedy);
  });
}

/** Two answers to one question are an address twice; an answer from a real server steals the director's packets. */
function silenceFindings(virtual: VirtualServerConfig, { arp, devices }: DirectorFacts): readonly Finding[] {
  const vips = new Set(virtual.services.flatMap((service) => (service.kind === "address" ? [service.address] : [])));
  return [...vips].flatMap((vip) => {
    const answers = arp.get(vip);
    if (answers === undefined) return [];
    const thieves = virtual.realServers.filter(({ address }) => {
      const own = arp.get(address.address) ?? new Set<string>();
      return address.address !== vip && [...own].some((mac) => answers.has(mac));
    });
    if (thieves.length > 0) {
      const names = thieves.map((real) => real.name).join(", ");
      return [bad(`${virtual.name}: ${names} answers ARP for ${vip}`, "there: ballast realserver up")];
    }
    // Our own answer is not among those from the wire.
    const owners = holdsAddress(devices, vip) ? ["this machine", ...answers] : [...answers];
    if (owners.length > 1) {
      return [bad(`${vip} has several owners: ${owners.join(", ")}`, "one director may hold it: look at VRRP")];
    }
    return [ok(`${virtual.name}: no real server answers ARP for ${vip}`)];
  });
}

function holdsAddress(devices: readonly DeviceFacts[], text: string): boolean {
  return devices.some(({ networks }) => networks.some((network) => formatIp(network.address) === text));
}

function deviceFindings(lvs: LvsConfig, { devices }: DirectorFacts): readonly Finding[] {
  const findings: Finding[] = [];
  const involved = new Set<DeviceFacts>();
  for (const virtual of lvs.virtualServers) {
    if (virtual.forward !== "dr") continue;
    const arms = virtual.services.flatMap((each) =>
      each.kind === "address" ? (deviceOf(each.address, devices) ?? []) : [],
    );
    const towards = virtual.realServers.flatMap(({ address }) => deviceOf(address.address, devices) ?? []);
    for (const device of [...arms, ...towards]) involved.add(device);
    const oneArmed = towards.find((device) => arms.includes(device) && device.sendsRedirects);
    if (oneArmed === undefined) continue;
    const remedy = `sysctl -w net/ipv4/conf/all/send_redirects=0 net/ipv4/conf/${oneArmed.name}/send_redirects=0`;
    findings.push(warn(`${virtual.name}: ${oneArmed.name} is its only arm and sends ICMP redirects`, remedy));
  }
  const sizes = new Set([...involved].map((device) => device.mtuBytes));
  if (sizes.size > 1) {
    const text = [...involved].map((device) => `${device.name} ${device.mtuBytes}`).join(", ");
    findings.push(
      warn(`interfaces have different MTUs: ${text}`, "ip link set dev NAME mtu SIZE: the same everywhere"),
    );
  } else if (involved.size > 0) {
    findings.push(ok(`interfaces involved have one MTU, ${[...sizes].join("")}: real servers need the same`));
  }
  return findings;
}

/** The interface in whose network an address is; a VIP of /32 is in none but that of its segment. */
function deviceOf(text: string, devices: readonly DeviceFacts[]): DeviceFacts | null {
  const address = parseIp(text);
  if (address === null) return null;
  return (
    devices.find(({ networks }) =>
      networks.some((network) => formatIp(network.address) !== text && networkContains(network, address)),
    ) ?? null
  );
}
