/** What only the supervisor knows and the admin role shows: processes, the configuration that runs, VRRP's own words. */
import type { LvsStatus, VrrpStatus } from "../admin/api.ts";
import type { Channel } from "../ipc/shell/channel.ts";
import { wallNow } from "../sys/clock.ts";
import type { Loop } from "../sys/loop.ts";
import type { ProcessTable } from "./process-table.ts";
import type { Reloader } from "./reloader.ts";
import { processStatus } from "./role-process.ts";

export interface AdminViewOptions {
  readonly loop: Loop;
  readonly processes: () => ProcessTable;
  readonly reloader: () => Reloader;
}

export class AdminView {
  private readonly options: AdminViewOptions;
  private readonly startedWallMs = wallNow();
  private vrrp: readonly VrrpStatus[] = [];
  private lvs: LvsStatus | null = null;
  private isDue = false;

  constructor(options: AdminViewOptions) {
    this.options = options;
  }

  /** Tells of the processes once a turn, however many changed. */
  changed(): void {
    if (this.isDue) return;
    this.isDue = true;
    this.options.loop.defer(() => {
      this.isDue = false;
      this.tellProcesses();
    });
  }

  get vrrpStatuses(): readonly VrrpStatus[] {
    return this.vrrp;
  }

  setVrrp(statuses: readonly VrrpStatus[]): void {
    this.vrrp = statuses;
    // The director follows it, too: checks and connection synchronisation go with the master.
    for (const channel of this.options.processes().channels("admin", "director")) channel.send("vrrp_status", statuses);
  }

  setLvs(status: LvsStatus): void {
    this.lvs = status;
    for (const channel of this.channels()) channel.send("lvs_status", status);
  }

  /** For an admin role that has just started. */
  repeatLvs(channel: Channel): void {
    if (this.lvs !== null) channel.send("lvs_status", this.lvs);
  }

  /** For an admin role or a director that has just started; its start itself brings the processes. */
  repeat(channel: Channel): void {
    if (this.vrrp.length > 0) channel.send("vrrp_status", this.vrrp);
  }

  private tellProcesses(): void {
    const { path, hash, loadedWallMs, lastReloadOk, running } = this.options.reloader();
    const processes = this.options.processes().all.map(processStatus);
    const config = { path, generation: running.generation, hash, loadedWallMs, lastReloadOk };
    for (const channel of this.channels()) {
      channel.send("processes", { startedWallMs: this.startedWallMs, config, processes });
    }
  }

  private channels(): readonly Channel[] {
    return this.options.processes().channels("admin");
  }
}
