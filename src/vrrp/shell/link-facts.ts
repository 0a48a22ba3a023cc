/** Tells instances how their interfaces stand, as the kernel shows them now. */
import type { NodeView } from "../../netlink/node-view.ts";
import { heartbeatFact, linkFact } from "../node-facts.ts";
import type { InstanceSettings, Vip } from "../settings.ts";
import type { Runner, RunnerPorts } from "./runner.ts";

export class LinkFacts {
  private readonly view: NodeView;
  private readonly socket: RunnerPorts["socket"];

  constructor(view: NodeView, socket: RunnerPorts["socket"]) {
    this.view = view;
    this.socket = socket;
  }

  tell(runners: readonly Runner[]): void {
    const allVips = runners.flatMap((runner) => runner.settings.vips);
    for (const runner of runners) {
      // The second path first: a fault of the main one says goodbye over it.
      this.tellHeartbeat(runner, allVips);
      const link = linkFact(this.view, runner.settings, allVips);
      // Open before the first advert: a backup has to hear before it speaks.
      if (link.kind === "up") this.socket(runner.settings, "hears");
      runner.handle({ kind: "link", link });
      if (link.kind === "up") this.tellHomeless(runner);
    }
  }

  /** Whether one of the instances speaks over the interface. */
  concerns(runners: readonly Runner[], interfaceName: string): boolean {
    return runners.some(
      ({ settings }) => settings.interfaceName === interfaceName || settings.heartbeat?.interfaceName === interfaceName,
    );
  }

  /** An interface that was renamed keeps its addresses, and nobody tells of them: the instance has to let go of its VIP. */
  private tellHomeless(runner: Runner): void {
    const vip = runner.ledVips.find(({ interfaceName }) => this.view.link(interfaceName) === null);
    if (vip === undefined) return;
    const text = `interface ${vip.interfaceName} does not exist`;
    runner.handle({ kind: "trouble", trouble: { kind: "address", address: vip.text, text } });
  }

  private tellHeartbeat(runner: Runner, allVips: readonly Vip[]): void {
    const { settings } = runner;
    const link = heartbeatFact(this.view, settings, allVips);
    if (settings.heartbeat === null || link === null) return runner.handle({ kind: "heartbeat", path: null });
    const { interfaceName } = settings.heartbeat;
    const refusal = link.kind === "up" ? this.refusal(settings) : null;
    runner.handle({ kind: "heartbeat", path: { interfaceName, link, refusal } });
  }

  /** Why nothing can be heard on the second path. */
  private refusal(settings: InstanceSettings): string | null {
    const socket = this.socket(settings, "heartbeat");
    return typeof socket === "string" ? socket : null;
  }
}
