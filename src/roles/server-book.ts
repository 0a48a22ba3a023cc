/** The one table of server states: verdicts and orders go in, every change goes out to the roles that follow it. */
import type { Happening, Reply } from "../admin/api.ts";
import type { Config } from "../config/types.ts";
import type { ServerState, Verdict } from "../ipc/messages.ts";
import { wallNow } from "../sys/clock.ts";
import { backendHappening, healthHappening, orderServer, type ServerRequest } from "./operator-orders.ts";
import { adoptConfig, applyVerdict, serverKey, type ServerStates } from "./server-states.ts";

export interface ServerBookOptions {
  readonly publish: (state: ServerState) => void;
  readonly tell: (happening: Happening) => void;
}

export class ServerBook {
  private readonly options: ServerBookOptions;
  private states: ServerStates;

  constructor(config: Config, options: ServerBookOptions) {
    this.options = options;
    this.states = adoptConfig(new Map(), null, config, wallNow());
  }

  get all(): readonly ServerState[] {
    return [...this.states.values()];
  }

  /** The states under a configuration that may follow `running`. */
  statesUnder(next: Config, running: Config): readonly ServerState[] {
    return [...adoptConfig(this.states, running, next, wallNow()).values()];
  }

  /** `next` follows `running`. */
  adopt(next: Config, running: Config): void {
    this.states = adoptConfig(this.states, running, next, wallNow());
  }

  verdict(verdict: Verdict): void {
    const before = this.states.get(serverKey(verdict.backend, verdict.server));
    const state = applyVerdict(this.states, verdict, wallNow());
    // The verdict crossed a reload that took the server away: nothing to tell.
    if (!state || !before) return;
    this.set(state, healthHappening(before, state));
  }

  /** `by`: who ordered it, for the record. */
  order(request: ServerRequest, by: string): Reply {
    const order = orderServer(this.states, request, by, wallNow());
    if (order.done) this.set(order.state, order.happening);
    return order.reply;
  }

  private set(state: ServerState, happening: Happening | null): void {
    const before = this.states;
    const after = new Map(before);
    after.set(serverKey(state.backend, state.server), state);
    this.states = after;
    this.options.publish(state);
    const ofBackend = backendHappening(before, after, state.backend);
    for (const each of [happening, ofBackend]) if (each) this.options.tell(each);
  }
}
