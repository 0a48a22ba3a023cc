/** Second paths and main paths that could not be told apart: adverts carry VRID and family, the rest is the interface. */
import type { IssueSink, Path } from "./schema-issue.ts";
import type { VrrpConfig } from "./types-vrrp.ts";

/** Every [vrrp.NAME] heartbeat must have its VRID for itself on that interface, among instances and among heartbeats. */
export function checkHeartbeats(
  instances: readonly VrrpConfig[],
  originOf: (object: object) => Path,
  sink: IssueSink,
): void {
  const key = (instance: VrrpConfig, interfaceName: string): string =>
    `${interfaceName} ${instance.virtualRouterId} IPv${instance.addresses[0]?.family ?? 4}`;
  const mains = new Map(instances.map((instance) => [key(instance, instance.interface), instance] as const));
  const seconds = new Map<string, VrrpConfig>();
  for (const instance of instances) {
    const { heartbeat } = instance;
    // Its own interface is refused where the heartbeat is read.
    if (heartbeat === undefined || heartbeat.interface === instance.interface) continue;
    const place = [...originOf(instance), "heartbeat", "interface"];
    if (
      heartbeat.interface.startsWith(`${instance.interface}.`) ||
      instance.interface.startsWith(`${heartbeat.interface}.`)
    ) {
      sink.warn(place, `${heartbeat.interface} and ${instance.interface} share one cable: what breaks one breaks both`);
    }
    const router = key(instance, heartbeat.interface);
    const owner = mains.get(router);
    const twin = seconds.get(router);
    const what = `virtual_router_id ${instance.virtualRouterId} is already used on ${heartbeat.interface}`;
    const help = "use another VRID, or another interface";
    if (owner !== undefined)
      sink.error(place, `${what} by vrrp.${owner.name}: their adverts cannot be told apart`, { help });
    else if (twin === undefined) seconds.set(router, instance);
    else
      sink.error(place, `${what} by the heartbeat of vrrp.${twin.name}: their adverts cannot be told apart`, { help });
  }
}
