/** LVS as the admin socket shows it: a farm with one server down and one draining, and a service that lost its quorum. */
import type { LvsStatus, RealServerStatus, VirtualServerStatus } from "../../src/admin/api.ts";
import { FAKE_NOW_MS } from "./fake-snapshot.ts";

export function fakeReal(address: string, change: Partial<RealServerStatus> = {}): RealServerStatus {
  return {
    name: address,
    address,
    health: "up",
    admin: "ready",
    weight: 1,
    tableWeight: 1,
    activeConnections: 0,
    inactiveConnections: 0,
    persistentConnections: 0,
    connectionsTotal: 0,
    receivedBytes: 0,
    sentBytes: 0,
    checkInfo: "L4OK Layer4 check passed",
    sinceWallMs: FAKE_NOW_MS - 3_600_000,
    ...change,
  };
}

export function fakeVirtual(name: string, change: Partial<VirtualServerStatus> = {}): VirtualServerStatus {
  return {
    name,
    services: ["tcp 192.0.2.10:80"],
    scheduler: "wlc",
    forward: "dr",
    quorum: 1,
    hasQuorum: true,
    weight: 2,
    sorryServer: null,
    suspended: false,
    sinceWallMs: FAKE_NOW_MS - 3_600_000,
    connectionsTotal: 0,
    receivedBytes: 0,
    sentBytes: 0,
    connectionsPerSecond: 0,
    realServers: [],
    ...change,
  };
}

export function fakeLvs(): LvsStatus {
  const down = { health: "down", tableWeight: null, sinceWallMs: FAKE_NOW_MS - 12_000 } as const;
  return {
    troubles: [],
    virtualServers: [
      fakeVirtual("farm", {
        weight: 3,
        connectionsTotal: 90_210,
        receivedBytes: 52_428_800,
        connectionsPerSecond: 41,
        realServers: [
          fakeReal("10.0.0.21:80", { weight: 3, tableWeight: 3, activeConnections: 210, connectionsTotal: 60_110 }),
          fakeReal("10.0.0.22:80", { admin: "drain", tableWeight: 0, activeConnections: 7, connectionsTotal: 30_100 }),
          fakeReal("10.0.0.23:80", { ...down, checkInfo: "L4CON Connection refused" }),
        ],
      }),
      fakeVirtual("dns", {
        services: ["udp 192.0.2.10:53", "tcp 192.0.2.10:53"],
        scheduler: "rr",
        hasQuorum: false,
        weight: 0,
        sorryServer: "10.0.0.99:53",
        sinceWallMs: FAKE_NOW_MS - 9000,
        realServers: [fakeReal("10.0.0.31:53", { ...down, checkInfo: "L7TOUT Layer7 timeout" })],
      }),
    ],
  };
}
