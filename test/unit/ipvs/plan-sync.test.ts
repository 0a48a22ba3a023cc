import { expect, test } from "bun:test";
import type { LvsSyncConfig } from "../../../src/config/types-lvs.ts";
import type { SyncDaemon } from "../../../src/ipvs/model.ts";
import { planSync, planTimeouts } from "../../../src/ipvs/plan-sync.ts";

const sync: LvsSyncConfig = { interface: "eth1", id: 7, follows: "VI_1" };

function running(role: "master" | "backup", more: Partial<SyncDaemon> = {}): SyncDaemon {
  return { role, interface: "eth1", syncId: 7, maxBytes: 1472, group: "224.0.0.81", port: 8848, ttl: 1, ...more };
}

function planned(config: LvsSyncConfig, isMaster: boolean | null, daemons: readonly SyncDaemon[]): readonly string[] {
  return planSync(config, isMaster, daemons).map((command) =>
    command.kind === "start_daemon" || command.kind === "stop_daemon"
      ? `${command.kind} ${command.daemon.role} ${command.daemon.interface} ${command.daemon.syncId}`
      : command.kind,
  );
}

test("planSync changes the daemon's role with the VRRP instance, the old one first", () => {
  expect(planned(sync, true, [])).toEqual(["start_daemon master eth1 7"]);
  expect(planned(sync, true, [running("backup")])).toEqual(["stop_daemon backup eth1 7", "start_daemon master eth1 7"]);
  expect(planned(sync, false, [running("master")])).toEqual([
    "stop_daemon master eth1 7",
    "start_daemon backup eth1 7",
  ]);
  expect(planned(sync, true, [running("master")])).toEqual([]);
});

test("planSync leaves a running daemon alone while the instance is not known", () => {
  expect(planned(sync, null, [running("master")])).toEqual([]);
});

test("planSync restarts a daemon of another interface or number, and runs both roles without an instance", () => {
  expect(planned(sync, true, [running("master", { syncId: 1 })])).toEqual([
    "stop_daemon master eth1 1",
    "start_daemon master eth1 7",
  ]);
  const both = { ...sync, follows: null };
  expect(planned(both, null, [running("backup", { interface: "eth0" })])).toEqual([
    "stop_daemon backup eth0 7",
    "start_daemon master eth1 7",
    "start_daemon backup eth1 7",
  ]);
});

test("planTimeouts sets what differs from a wish", () => {
  const kernel = { tcpSeconds: 900, tcpFinSeconds: 120, udpSeconds: 300 };
  expect(planTimeouts({ tcpSeconds: 0, tcpFinSeconds: 0, udpSeconds: 0 }, kernel)).toBeNull();
  expect(planTimeouts({ tcpSeconds: 900, tcpFinSeconds: 0, udpSeconds: 300 }, kernel)).toBeNull();
  const wished = { tcpSeconds: 600, tcpFinSeconds: 0, udpSeconds: 0 };
  expect(planTimeouts(wished, kernel)).toEqual({ kind: "set_timeouts", timeouts: wished });
});
