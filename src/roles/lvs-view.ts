/** What the director tells of LVS: states with their age, the last words of checks, sent when something changed. */
import type { LvsStatus } from "../admin/api.ts";
import { lvsStatus, type StatusInput } from "../ipvs/status.ts";
import { wallNow } from "../sys/clock.ts";

export class LvsView {
  private readonly send: (status: LvsStatus) => void;
  private readonly startedWallMs = wallNow();
  /** `VIRTUAL` or `VIRTUAL/REAL` → when it changed. */
  private readonly changes = new Map<string, number>();
  /** `VIRTUAL/REAL` → words of its last check. */
  private readonly infos = new Map<string, string>();
  private sent = "";

  constructor(send: (status: LvsStatus) => void) {
    this.send = send;
  }

  changed(object: string): void {
    this.changes.set(object, wallNow());
  }

  checked(object: string, info: string): void {
    this.infos.set(object, info);
  }

  /** What a reload has removed. */
  forgetAllBut(objects: ReadonlySet<string>): void {
    for (const map of [this.changes, this.infos]) {
      for (const object of map.keys()) if (!objects.has(object)) map.delete(object);
    }
  }

  tell(input: Omit<StatusInput, "sinceWallMs" | "checkInfo">): void {
    const status = lvsStatus({
      ...input,
      sinceWallMs: (object) => this.changes.get(object) ?? this.startedWallMs,
      checkInfo: (object) => this.infos.get(object) ?? "",
    });
    const text = JSON.stringify(status);
    if (text === this.sent) return;
    this.sent = text;
    this.send(status);
  }
}
