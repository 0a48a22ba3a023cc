/**
 * `ballast lvs drain|ready SERVICE/SERVER`. What the running daemon keeps is ordered from the daemon, by the names of its
 * configuration; everything else is changed in the kernel at once.
 */
import { type AdminClient, adminClient } from "../admin/client.ts";
import type { LvsConfig, RealServerConfig, VirtualServerConfig } from "../config/types-lvs.ts";
import type { KernelTable } from "../ipvs/kernel-table.ts";
import { type DestinationState, endpointText, serviceKey, type ServiceState } from "../ipvs/model.ts";
import { isIdle } from "../ipvs/plan.ts";
import { findTarget } from "../ipvs/target.ts";
import { destinationsOf } from "../ipvs/virtual-servers.ts";
import { didYouMean } from "../lib/suggest.ts";
import { parseDurationMs } from "../lib/units.ts";
import { type CliArgs, flagText } from "./args.ts";
import { clientFailure, complain, exitCodes, reportReply, say, usageFailure } from "./output.ts";

const WAIT_MS = 5 * 60_000;
const LOOK_MS = 500;
/** Progress is told this often. */
const SAY_LOOKS = 10;
/** The daemon brings an order into the kernel within milliseconds; until then old counts are not the end. */
const ORDER_SETTLE_MS = 300;

/** The destinations that one real server has in the kernel now; a text: why there are none to look at. */
type Look = () => readonly DestinationState[] | string;

interface Managed {
  readonly virtual: VirtualServerConfig;
  readonly real: RealServerConfig;
}

export async function drainOrReady(
  args: CliArgs,
  table: KernelTable,
  verb: "drain" | "ready",
  target: string,
): Promise<number> {
  const written = flagText(args, "wait");
  const waitMs = written === null ? null : parseDurationMs(written);
  if (waitMs !== null && !waitMs.ok) {
    return usageFailure({ text: `--wait "${written}" ${waitMs.error}`, help: "such as --wait 5m" });
  }
  const limitMs = waitMs?.value ?? WAIT_MS;
  const client = adminClient(args.socket);
  const lvs = await runningLvs(client);
  const managed = lvs === null ? null : findManaged(target, lvs);
  if (typeof managed === "string") return refused(managed);
  if (managed !== null) return orderDaemon(args, client, table, verb, managed, limitMs);
  return changeKernel(args, table, verb, target, lvs, limitMs);
}

function refused(text: string): number {
  complain(text);
  return exitCodes.negative;
}

/** Null without a daemon, or where it keeps no virtual servers. */
async function runningLvs(client: AdminClient): Promise<LvsConfig | null> {
  const answer = await client.config({ defaults: true, json: true });
  if (!answer.ok) return null;
  const config = JSON.parse(answer.value.text) as { readonly lvs?: LvsConfig };
  return config.lvs ?? null;
}

/** By the names of the configuration. Null: no such names, perhaps addresses; a text: half of it is right. */
function findManaged(target: string, lvs: LvsConfig): Managed | string | null {
  const slash = target.indexOf("/");
  const virtual = lvs.virtualServers.find(({ name }) => name === target.slice(0, slash));
  if (virtual === undefined) return null;
  const name = target.slice(slash + 1);
  const real = virtual.realServers.find((each) => each.name === name || each.address.address === name);
  if (real !== undefined) return { virtual, real };
  const names = virtual.realServers.map((each) => each.name);
  return `virtual server ${virtual.name} has no real server "${name}"${didYouMean(name, names)}`;
}

async function orderDaemon(
  args: CliArgs,
  client: AdminClient,
  table: KernelTable,
  verb: "drain" | "ready",
  { virtual, real }: Managed,
  limitMs: number,
): Promise<number> {
  const reply = await client.request({ op: "lvs", virtual: virtual.name, real: real.name, state: verb });
  if (!reply.ok) return clientFailure(reply.error);
  const code = reportReply(args, reply.value);
  if (!reply.value.ok || verb === "ready") return code;
  await Bun.sleep(ORDER_SETTLE_MS);
  return untilIdle(args, `${virtual.name}/${real.name}`, limitMs, () => {
    const services = table.read();
    if (!services.ok) return services.error.text;
    return destinationsOf(virtual, real).flatMap(([id, destination]) => {
      const state = services.value.find((each) => serviceKey(each.id) === serviceKey(id));
      return state?.destinations.filter((each) => endpointText(each) === endpointText(destination)) ?? [];
    });
  });
}

function changeKernel(
  args: CliArgs,
  table: KernelTable,
  verb: "drain" | "ready",
  target: string,
  lvs: LvsConfig | null,
  limitMs: number,
): number | Promise<number> {
  const services = table.read();
  if (!services.ok) return refused(services.error.text);
  const found = findTarget(target, services.value);
  if (!found.ok) return refused(found.error);
  const { service, destination } = found.value;
  const owner = lvs === null ? null : keptBy(service, lvs);
  if (owner !== null) {
    return refused(`the daemon keeps this service: name it as virtual server ${owner}, such as ${owner}/SERVER`);
  }
  const weight = verb === "drain" ? 0 : Math.max(destination.weight, 1);
  if (destination.weight !== weight) {
    const changed = { ...destination, weight };
    const refusal = table.apply({ kind: "edit_destination", id: service.id, destination: changed });
    if (refusal !== null) return refused(refusal.text);
  }
  if (verb === "ready") return exitCodes.ok;
  return untilIdle(args, `${serviceKey(service.id)}/${endpointText(destination)}`, limitMs, () => {
    const now = table.read();
    if (!now.ok) return now.error.text;
    const again = findTarget(target, now.value);
    return again.ok ? [again.value.destination] : [];
  });
}

function keptBy(service: ServiceState, lvs: LvsConfig): string | null {
  const key = serviceKey(service.id);
  return lvs.virtualServers.find(({ services }) => services.some((each) => serviceKey(each) === key))?.name ?? null;
}

/** Waits until nobody is connected and no persistence template leads here. Exit 75: somebody still is. */
async function untilIdle(args: CliArgs, name: string, limitMs: number, look: Look): Promise<number> {
  const deadlineMs = performance.now() + limitMs;
  for (let looks = 0; ; looks++) {
    const destinations = look();
    if (typeof destinations === "string") return refused(destinations);
    const busy = destinations.filter((each) => !isIdle(each) || each.weight !== 0);
    if (busy.length === 0) {
      say(args, `${name} is drained: no connections, no persistent clients; it gets no new ones`);
      return exitCodes.ok;
    }
    if (performance.now() >= deadlineMs) {
      complain(`${name} still has ${countsText(destinations)}; it gets no new ones`);
      return exitCodes.timedOut;
    }
    if (looks % SAY_LOOKS === 0) say(args, `${name} drains: ${countsText(destinations)}`);
    await Bun.sleep(LOOK_MS);
  }
}

function countsText(destinations: readonly DestinationState[]): string {
  const sum = (of: (each: DestinationState) => number): number => destinations.reduce((all, each) => all + of(each), 0);
  const active = sum((each) => each.activeConnections);
  const inactive = sum((each) => each.inactiveConnections);
  const persistent = sum((each) => each.persistentConnections);
  return `${active} active, ${inactive} inactive, ${persistent} persistent`;
}
