/** The virtual routes and rules of one instance on the node. Never touches one that somebody else set. */
import type { ForwardRequest, RoutePort } from "../../netlink/route-port.ts";
import { E, errnoText } from "../../sys/errno.ts";
import { routeRequest, routeText, ruleRequest, ruleText } from "../forward.ts";
import type { Trouble } from "../instance.ts";
import type { InstanceSettings } from "../settings.ts";

/** What the kernel says when there is nothing to remove: a route went with its address or interface. */
const GONE: readonly number[] = [0, E.SRCH, E.NOENT, E.NODEV];

type Wanted = Pick<InstanceSettings, "routes" | "rules">;

interface Item {
  readonly text: string;
  /** null: its interface does not exist. */
  readonly request: ForwardRequest | null;
}

export class ForwardKeeper {
  private readonly route: RoutePort;

  constructor(route: RoutePort) {
    this.route = route;
  }

  /** Routes before the rules that lead to their tables. Answers what the kernel refused; what is there stays. */
  add(settings: Wanted): readonly Trouble[] {
    const items = this.items(settings);
    const missing = items.find((item) => item.request === null);
    if (missing !== undefined) {
      return [{ kind: "route", route: missing.text, text: "its interface does not exist" }];
    }
    return this.change("add", items)
      .filter(({ errno }) => errno !== 0 && errno !== E.EXIST)
      .map(({ text, errno }) => ({ kind: "route", route: text, text: errnoText(errno) }));
  }

  /** Sets again what somebody removed. Answers what that was, and what the kernel refused. */
  restore(settings: Wanted): { readonly restored: readonly string[]; readonly troubles: readonly Trouble[] } {
    // Without its interface a route cannot be: that is told as the interface's loss.
    const items = this.items(settings).filter((item) => item.request !== null);
    const answers = this.change("add", items);
    return {
      restored: answers.filter(({ errno }) => errno === 0).map(({ text }) => text),
      troubles: answers
        .filter(({ errno }) => errno !== 0 && errno !== E.EXIST)
        .map(({ text, errno }) => ({ kind: "route", route: text, text: errnoText(errno) })),
    };
  }

  /** Rules first, then routes. Answers, in words, what the kernel refused. */
  remove(settings: Wanted): readonly string[] {
    return this.change("remove", this.items(settings).toReversed())
      .filter(({ errno }) => !GONE.includes(errno))
      .map(({ text, errno }) => `${text} cannot be removed: ${errnoText(errno)}`);
  }

  /** Other settings: what is no longer among them goes. */
  keep(before: Wanted, after: Wanted): readonly string[] {
    const stays = new Set([...after.routes, ...after.rules].map((each) => JSON.stringify(each)));
    return this.remove({
      routes: before.routes.filter((route) => !stays.has(JSON.stringify(route))),
      rules: before.rules.filter((rule) => !stays.has(JSON.stringify(rule))),
    });
  }

  /** At the start nothing with our mark is in use: a predecessor was killed. */
  removeLeftovers(settings: Wanted): void {
    this.change("remove", this.items(settings).toReversed());
  }

  private items(settings: Wanted): readonly Item[] {
    const { view } = this.route;
    return [
      ...settings.routes.map((route) => ({ text: routeText(route), request: routeRequest(route, view) })),
      ...settings.rules.map((rule) => ({ text: ruleText(rule), request: ruleRequest(rule) })),
    ];
  }

  private change(
    operation: "add" | "remove",
    items: readonly Item[],
  ): readonly { readonly text: string; readonly errno: number }[] {
    const asked = items.flatMap(({ text, request }) => (request === null ? [] : [{ text, request }]));
    const errnos = this.route.changeForwarding(
      operation,
      asked.map((item) => item.request),
    );
    return asked.map(({ text }, i) => ({ text, errno: errnos[i] }));
  }
}
