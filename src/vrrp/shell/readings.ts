/** What the tracks of instances say now, wherever it is known from: the proxy, the kernel's links, `TrackWatch`. */
import type { TrackConfig } from "../../config/types-vrrp.ts";
import type { ScriptResult } from "../../ipc/messages.ts";
import type { NodeView } from "../../netlink/node-view.ts";
import type { InstanceSettings } from "../settings.ts";
import type { TrackReading } from "../track.ts";
import { type TrackPorts, TrackWatch } from "./track-watch.ts";

export class Readings {
  private readonly view: NodeView;
  private readonly ports: TrackPorts;
  private readonly watch: TrackWatch;
  /** Null until the supervisor has said so once: instances that track the proxy wait for that. */
  private proxyServes: boolean | null = null;

  constructor(view: NodeView, ports: TrackPorts) {
    this.view = view;
    this.ports = ports;
    this.watch = new TrackWatch(ports);
  }

  /** Follows exactly the tracks of these instances. */
  configure(instances: readonly InstanceSettings[]): void {
    this.watch.configure(instances.flatMap((settings) => settings.params.tracks));
  }

  stop(): void {
    this.watch.stop();
  }

  proxyHealth(serves: boolean): void {
    if (serves === this.proxyServes) return;
    this.proxyServes = serves;
    this.ports.changed();
  }

  scriptResult(result: ScriptResult): void {
    this.watch.scriptResult(result);
  }

  /** One for each track of the instance. */
  of(settings: InstanceSettings): readonly TrackReading[] {
    return settings.params.tracks.map((track) => this.reading(track));
  }

  /** False while the first word about one of its tracks is still awaited. */
  areKnown(settings: InstanceSettings): boolean {
    return settings.params.tracks.every((track) =>
      track.kind === "proxy" ? this.proxyServes !== null : this.watch.isKnown(track),
    );
  }

  private reading(track: TrackConfig): TrackReading {
    if (track.kind === "proxy") return this.proxyServes === true;
    if (track.kind === "interface") return this.view.link(track.name)?.running === true;
    return this.watch.reading(track);
  }
}
