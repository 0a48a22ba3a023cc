/** What callers of the admin socket order, passed on to the part of the supervisor that does it. */
import type { Reply, Request, VrrpStatus } from "../admin/api.ts";
import { unreachable } from "../lib/result.ts";
import type { EventBook } from "./event-book.ts";
import { lvsOrderHappening, type LvsRequest, refuseLvsOrder, refuseVrrpOrder } from "./operator-orders.ts";
import { vrrpOrderHappening, type VrrpRequest } from "./operator-orders.ts";
import type { ProcessTable } from "./process-table.ts";
import type { Reloader } from "./reloader.ts";
import type { ServerBook } from "./server-book.ts";

export interface OrderDeskOptions {
  readonly processes: ProcessTable;
  readonly reloader: Reloader;
  readonly servers: ServerBook;
  readonly events: EventBook;
  /** The last that the vrrp role told. */
  readonly vrrp: () => readonly VrrpStatus[];
  readonly phase: () => "starting" | "running" | "stopping";
  readonly stop: (mode: "drain" | "now") => void;
}

export class OrderDesk {
  private readonly options: OrderDeskOptions;

  constructor(options: OrderDeskOptions) {
    this.options = options;
  }

  /** `by`: who ordered it, for the record. `reply` is called once, for a reload when it has ended. */
  answer(request: Request, by: string, reply: (reply: Reply) => void): void {
    const { reloader, servers, phase, stop } = this.options;
    switch (request.op) {
      case "reload":
        if (phase() === "running") reloader.start(by, reply);
        else reply({ ok: false, kind: "busy", text: `cannot reload while ${phase()}` });
        return;
      case "stop":
        reply({ ok: true, text: request.now ? "stopping now" : "draining and stopping" });
        stop(request.now ? "now" : "drain");
        return;
      case "server":
      case "server_weight":
        reply(servers.order(request, by));
        return;
      case "vrrp":
        reply(this.orderVrrp(request, by));
        return;
      case "lvs":
        reply(this.orderLvs(request, by));
        return;
      default:
        unreachable(request);
    }
  }

  private orderLvs(request: LvsRequest, by: string): Reply {
    const { reloader, processes, events } = this.options;
    const refusal = refuseLvsOrder(reloader.running.config, request);
    if (refusal) return refusal;
    const [channel] = processes.channels("director");
    if (!channel) return { ok: false, kind: "busy", text: "the director is restarting" };
    const { virtual, real, state } = request;
    channel.send("lvs_order", { virtual, real, state });
    events.tell(lvsOrderHappening(request, by));
    return { ok: true, text: `${virtual}/${real} set to ${state}` };
  }

  private orderVrrp(request: VrrpRequest, by: string): Reply {
    const { reloader, processes, events } = this.options;
    const refusal = refuseVrrpOrder(reloader.running.config, this.options.vrrp(), request);
    if (refusal) return refusal;
    const [channel] = processes.channels("vrrp");
    if (!channel) return { ok: false, kind: "busy", text: "the vrrp role is restarting" };
    channel.send("vrrp_order", { order: request.order, instance: request.instance });
    events.tell(vrrpOrderHappening(request, by));
    return { ok: true, text: `${request.order} of ${request.instance ?? "all instances"} ordered` };
  }
}
