import { expect, test } from "bun:test";
import { parseConfig } from "../../../src/config/parse.ts";
import { diagnoseDirector, type DirectorFacts } from "../../../src/ipvs/doctor.ts";
import { parseNetwork } from "../../../src/lib/ip.ts";
import { diagnoseReturnPath, type ReturnPathFacts } from "../../../src/realserver/doctor.ts";
import { testEnvironment } from "../config/test-environment.ts";

const { config } = parseConfig(
  `[virtual_server.web]
address = "192.0.2.10:80"
scheduler = "mh"
check = true
real_servers = ["192.0.2.11:80", "192.0.2.12:80"]
`,
  testEnvironment(),
);
const lvs = config!.lvs!;

function device(name: string, network: string, more: object = {}): DirectorFacts["devices"][number] {
  return { name, mtuBytes: 1500, networks: [parseNetwork(network)!], sendsRedirects: false, ...more };
}

const healthy: DirectorFacts = {
  services: new Set(["tcp 192.0.2.10:80"]),
  schedulers: new Set(["mh"]),
  devices: [device("eth0", "192.0.2.1/24")],
  arp: new Map([
    ["192.0.2.10", new Set<string>()],
    ["192.0.2.11", new Set(["02:00:00:00:00:11"])],
    ["192.0.2.12", new Set(["02:00:00:00:00:12"])],
  ]),
  backupOnly: null,
  isRealServer: false,
};

function complaints(change: Partial<DirectorFacts>): readonly string[] {
  return diagnoseDirector(lvs, { ...healthy, ...change })
    .filter((finding) => finding.level !== "ok")
    .map(({ level, text, remedy }) => `${level} ${text}${remedy === "" ? " WITHOUT REMEDY" : ""}`);
}

function arp(changes: Readonly<Record<string, readonly string[]>>): DirectorFacts["arp"] {
  return new Map([...healthy.arp, ...Object.entries(changes).map(([key, macs]) => [key, new Set(macs)] as const)]);
}

test("diagnoseDirector has nothing to say about a healthy director", () => {
  expect(complaints({})).toEqual([]);
});

test.each<readonly [string, Partial<DirectorFacts>]>([
  ["bad the kernel has no IPVS", { services: null }],
  ["bad web: the kernel has no scheduler mh", { schedulers: new Set(["rr"]) }],
  ["warn web: tcp 192.0.2.10:80 is not in the kernel's table", { services: new Set() }],
  ["bad web: 192.0.2.12:80 answers ARP for 192.0.2.10", { arp: arp({ "192.0.2.10": ["02:00:00:00:00:12"] }) }],
  [
    "bad 192.0.2.10 has several owners: this machine, 02:00:00:00:00:01",
    { devices: [device("eth0", "192.0.2.10/24")], arp: arp({ "192.0.2.10": ["02:00:00:00:00:01"] }) },
  ],
  [
    "bad 192.0.2.10 has several owners: 02:00:00:00:00:01, 02:00:00:00:00:02",
    { arp: arp({ "192.0.2.10": ["02:00:00:00:00:01", "02:00:00:00:00:02"] }) },
  ],
  ["bad web: 192.0.2.11:80 does not answer ARP on eth0", { arp: arp({ "192.0.2.11": [] }) }],
  [
    "warn web: eth0 is its only arm and sends ICMP redirects",
    { devices: [device("eth0", "192.0.2.1/24", { sendsRedirects: true })] },
  ],
  [
    "bad this director is also a real server: two of them can send packets for a VIP round in circles",
    { isRealServer: true, backupOnly: false },
  ],
])("diagnoseDirector says %s", (text, change) => {
  expect(complaints(change)).toEqual([text]);
});

test("diagnoseDirector takes one owner of the VIP for the other director, and backup_only for a remedy", () => {
  expect(complaints({ arp: arp({ "192.0.2.10": ["02:00:00:00:00:02"] }) })).toEqual([]);
  expect(complaints({ isRealServer: true, backupOnly: true })).toEqual([]);
});

test("diagnoseDirector finds real servers on no network, and interfaces of different MTU", () => {
  expect(complaints({ devices: [device("eth0", "198.51.100.1/24")] })).toHaveLength(2);
  const mixed = [device("eth0", "192.0.2.9/30"), device("eth1", "192.0.2.13/30", { mtuBytes: 9000 })];
  expect(complaints({ devices: mixed })).toEqual(["warn interfaces have different MTUs: eth0 1500, eth1 9000"]);
});

const path: ReturnPathFacts = {
  gateway: { address: "192.0.2.254", device: "eth0" },
  devices: [
    { name: "eth0", networks: [parseNetwork("192.0.2.11/24")!], reversePathFilter: 1, proxiesArp: false },
    { name: "eth1", networks: [parseNetwork("198.51.100.11/24")!], reversePathFilter: 1, proxiesArp: true },
  ],
  receiving: ["eth0"],
};

test("diagnoseReturnPath sees a gateway that is the VIP, no gateway, strict rp_filter and proxy_arp", () => {
  const said = (change: Partial<ReturnPathFacts>): readonly string[] =>
    diagnoseReturnPath(["192.0.2.10"], { ...path, ...change })
      .filter((finding) => finding.level !== "ok")
      .map((finding) => `${finding.level} ${finding.text}`);
  expect(said({})).toEqual([]);
  expect(said({ gateway: null })).toEqual(["warn there is no default route: only clients of this segment get answers"]);
  expect(said({ gateway: { address: "192.0.2.10", device: "eth0" } })).toEqual([
    "bad the default gateway is the VIP 192.0.2.10",
  ]);
  expect(said({ receiving: ["eth1"] })).toEqual([
    "bad rp_filter of eth1 is strict, and answers leave by eth0: packets of clients are dropped",
    "bad proxy_arp of eth1 answers ARP for others",
  ]);
});
