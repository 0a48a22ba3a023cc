/** Tells instances how their interfaces stand, as the kernel shows them now. */
import type { NodeView } from "../../netlink/node-view.ts";
import { linkFact } from "../node-facts.ts";
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
      const link = linkFact(this.view, runner.settings, allVips);
      // Open before the first advert: a backup has to hear before it speaks.
      if (link.kind === "up") this.socket(runner.settings, "hears");
      runner.handle({ kind: "link", link });
    }
  }

  /** Whether one of the instances depends on the interface. */
  concerns(runners: readonly Runner[], interfaceName: string): boolean {
    return runners.some((runner) => runner.settings.interfaceName === interfaceName);
  }
}
