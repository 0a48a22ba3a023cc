/** `ballast doctor dr` on a real server: the way back to the client, beside what `realserver status` looks at (pure). */
import { networkContains, parseIp } from "../lib/ip.ts";
import type { IpNetwork } from "../lib/ip.ts";

export interface ReturnPathFacts {
  /** Gateway and interface of the IPv4 default route; null: there is none. */
  readonly gateway: { readonly address: string; readonly device: string } | null;
  readonly devices: readonly {
    readonly name: string;
    readonly networks: readonly IpNetwork[];
    /** Effective: the larger of all and the interface; 1 is strict. */
    readonly reversePathFilter: number;
    /** Answers ARP for others. */
    readonly proxiesArp: boolean;
  }[];
  /** Interfaces on which packets for the VIPs arrive. */
  readonly receiving: readonly string[];
}

export interface PathFinding {
  readonly level: "ok" | "warn" | "bad";
  readonly text: string;
  readonly remedy: string;
}

export function diagnoseReturnPath(vips: readonly string[], facts: ReturnPathFacts): readonly PathFinding[] {
  return [...gatewayFindings(vips, facts), ...facts.receiving.flatMap((name) => deviceFindings(name, facts))];
}

function gatewayFindings(vips: readonly string[], { gateway, devices }: ReturnPathFacts): readonly PathFinding[] {
  if (gateway === null) {
    const remedy = "ip route add default via ROUTER: answers go to the client directly, not through the director";
    return [{ level: "warn", text: "there is no default route: only clients of this segment get answers", remedy }];
  }
  if (vips.includes(gateway.address)) {
    const remedy = "use the real router: the director must not be on the way back";
    return [{ level: "bad", text: `the default gateway is the VIP ${gateway.address}`, remedy }];
  }
  const address = parseIp(gateway.address);
  const device = devices.find(({ name }) => name === gateway.device);
  const isNear = address !== null && device?.networks.some((network) => networkContains(network, address)) === true;
  const where = isNear ? "" : ", which is on no network of that interface";
  return [{ level: "ok", text: `answers leave by ${gateway.address} on ${gateway.device}${where}`, remedy: "" }];
}

function deviceFindings(name: string, { devices, gateway }: ReturnPathFacts): readonly PathFinding[] {
  const device = devices.find((each) => each.name === name);
  if (device === undefined) return [];
  const findings: PathFinding[] = [];
  if (device.reversePathFilter === 1 && gateway !== null && gateway.device !== name) {
    const text = `rp_filter of ${name} is strict, and answers leave by ${gateway.device}: packets of clients are dropped`;
    findings.push({ level: "bad", text, remedy: `sysctl -w net/ipv4/conf/${name}/rp_filter=2` });
  } else findings.push({ level: "ok", text: `rp_filter of ${name} lets clients in`, remedy: "" });
  if (device.proxiesArp) {
    const remedy = `sysctl -w net/ipv4/conf/${name}/proxy_arp=0`;
    findings.push({ level: "bad", text: `proxy_arp of ${name} answers ARP for others`, remedy });
  }
  return findings;
}
