/** VRRP speakers inside test namespaces: Ballast's role and Debian's keepalived, told the same things. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { VrrpStatus } from "../../src/admin/api.ts";
import type { VrrpConfig } from "../../src/config/types-vrrp.ts";
import type { NetworkNode } from "./netns.ts";
import { stopAllProcesses, type TestProcess } from "./process.ts";
import { waitFor } from "./wait.ts";

export const VIP = "192.0.2.10/24";
const [VIP_ADDRESS] = VIP.split("/");

/** An instance with VRID 51 and one VIP on eth0, like keepalived's defaults otherwise. */
export function instanceConfig(changes: Partial<VrrpConfig>): VrrpConfig {
  return {
    name: "VI_1",
    interface: "eth0",
    virtualRouterId: 51,
    priority: 100,
    version: 3,
    advertIntervalMs: 1000,
    initialState: "backup",
    preempt: true,
    preemptDelayMs: 0,
    addresses: [
      { family: 4, address: VIP_ADDRESS, prefixLength: 24, dev: null, label: null, scope: null, broadcast: null },
    ],
    excludedAddresses: [],
    authPassword: null,
    unicast: null,
    multicastSource: null,
    garp: { delayMs: 5000, repeat: 5, refreshMs: 0, lowerPriorityRepeat: 5 },
    tracks: [],
    ...changes,
  };
}

/** Whether the VIP is on the node's interface. */
export async function holdsVip(node: NetworkNode): Promise<boolean> {
  return (await node.addresses()).includes(VIP);
}

export interface BallastNode {
  readonly process: TestProcess;
  /** The last status that the role sent for the first instance. */
  readonly status: () => VrrpStatus | null;
  /** Of all instances, in the order of the configuration; fails before the first one came. */
  readonly statuses: () => readonly VrrpStatus[];
  /** Text of every event so far. */
  readonly events: () => readonly string[];
  readonly waitForState: (state: string, timeoutMs?: number) => Promise<unknown>;
  /** Other configuration, then a reload. */
  readonly reload: (instances: readonly VrrpConfig[]) => void;
}

const folders: string[] = [];

/** Ends every speaker of this test file and removes their files: for afterEach. */
export async function stopSpeakers(): Promise<void> {
  await stopAllProcesses();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

/** A folder that `stopSpeakers` removes. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "ballast-vrrp-"));
  folders.push(folder);
  return folder;
}

export function startBallast(node: NetworkNode, instances: readonly VrrpConfig[]): BallastNode {
  const path = join(temporaryFolder(), "vrrp.json");
  writeFileSync(path, JSON.stringify(instances));
  const started = node.start([process.execPath, join(import.meta.dir, "vrrp-node.ts"), path]);
  const lines = (kind: string): unknown[] =>
    started
      .stdout()
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line) as { kind: string; value: unknown })
      .filter((line) => line.kind === kind)
      .map((line) => line.value);
  const said = (): readonly VrrpStatus[] => (lines("status") as VrrpStatus[][]).at(-1) ?? [];
  const status = (): VrrpStatus | null => said()[0] ?? null;
  // None of no instances is anything: whatever is asked of every one would hold.
  const statuses = (): readonly VrrpStatus[] => {
    if (said().length === 0) throw new Error(`${node.name} has not said anything yet`);
    return said();
  };
  return {
    process: started,
    status,
    statuses,
    events: () => (lines("event") as { text: string }[]).map((event) => event.text),
    waitForState: (state, timeoutMs) =>
      waitFor(`${node.name} to be ${state}`, () => status()?.state === state, timeoutMs),
    reload: (changed) => {
      writeFileSync(path, JSON.stringify(changed));
      started.signal("SIGHUP");
    },
  };
}

export interface KeepalivedOptions {
  readonly version: 2 | 3;
  readonly priority: number;
  readonly advertIntervalMs: number;
  readonly password?: string;
  /** The password is the key of an authentication header. */
  readonly sealed?: boolean;
  readonly unicast?: { readonly source: string; readonly peer: string };
}

/** keepalived with the same instance; logs to its stderr. */
export function startKeepalived(node: NetworkNode, options: KeepalivedOptions): TestProcess {
  return startKeepalivedWith(node, keepalivedText(options));
}

/** Its configuration with the same instance. */
export function keepalivedText(options: KeepalivedOptions): string {
  const auth =
    options.password === undefined
      ? ""
      : `authentication {\n    auth_type ${options.sealed === true ? "AH" : "PASS"}\n    auth_pass ${options.password}\n  }`;
  const unicast =
    options.unicast === undefined
      ? ""
      : `unicast_src_ip ${options.unicast.source}\n  unicast_peer {\n    ${options.unicast.peer}\n  }`;
  return `global_defs {
  router_id test
  vrrp_version ${options.version}
}
vrrp_instance VI_1 {
  state BACKUP
  interface eth0
  virtual_router_id 51
  priority ${options.priority}
  advert_int ${options.advertIntervalMs / 1000}
  ${auth}
  ${unicast}
  virtual_ipaddress {
    ${VIP} dev eth0
  }
}
`;
}

/** keepalived with this configuration. */
export function startKeepalivedWith(node: NetworkNode, text: string): TestProcess {
  return startReloadableKeepalived(node, text).process;
}

export interface KeepalivedNode {
  readonly process: TestProcess;
  /** Other configuration, then a reload. */
  readonly reload: (text: string) => void;
}

export function startReloadableKeepalived(node: NetworkNode, text: string): KeepalivedNode {
  const folder = temporaryFolder();
  const path = join(folder, "keepalived.conf");
  writeFileSync(path, text);
  const pid = (name: string): string => join(folder, `${name}.pid`);
  const started = node.start([
    "keepalived",
    "--dont-fork",
    "--log-console",
    "--log-detail",
    "--use-file",
    path,
    "--pid",
    pid("parent"),
    "--vrrp_pid",
    pid("vrrp"),
    "--checkers_pid",
    pid("checkers"),
    "--vrrp",
  ]);
  return {
    process: started,
    reload: (changed) => {
      writeFileSync(path, changed);
      started.signal("SIGHUP");
    },
  };
}
