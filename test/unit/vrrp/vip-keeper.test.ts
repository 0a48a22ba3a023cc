import { describe, expect, test } from "bun:test";
import type { AddressRequest } from "../../../src/netlink/codec-route.ts";
import type { NodeView } from "../../../src/netlink/node-view.ts";
import type { AddressResult, RoutePort } from "../../../src/netlink/route-port.ts";
import { addressText } from "../../../src/net/address.ts";
import { instanceSettings } from "../../../src/vrrp/settings.ts";
import { VipKeeper } from "../../../src/vrrp/shell/vip-keeper.ts";
import { addressFact, configWith, ETH0, nodeWith, ours, vipConfig } from "./configs.ts";

/** A kernel that answers every request with `errno` and writes down what was asked. */
class FakeRoute implements RoutePort {
  readonly asked: string[] = [];
  errno = 0;
  readonly view: NodeView;
  constructor(view: NodeView) {
    this.view = view;
  }
  change(operation: "add" | "remove", requests: readonly AddressRequest[]): readonly AddressResult[] {
    this.asked.push(
      ...requests.map(
        ({ address, linkIndex }) => `${operation} ${addressText(address)}${linkIndex === 2 ? "" : ` on ${linkIndex}`}`,
      ),
    );
    return requests.map((request) => ({ request, errno: this.errno, text: "refused" }));
  }
  changeForwarding(_: "add" | "remove", requests: readonly unknown[]): readonly number[] {
    return requests.map(() => this.errno);
  }
  watchForwarding(): void {
    // Nobody else is in a fake.
  }
  changeLink(): number {
    return this.errno;
  }
  drain(): void {
    // Nothing waits in a fake.
  }
}

function keeper(view: NodeView, changes: Parameters<typeof configWith>[0] = {}): readonly [VipKeeper, FakeRoute] {
  const route = new FakeRoute(view);
  return [new VipKeeper(instanceSettings(configWith(changes)), route), route];
}

test("VipKeeper.add sets the VIPs and takes EEXIST for success", () => {
  const [vips, route] = keeper(nodeWith());
  expect(vips.add()).toEqual([]);
  route.errno = 17;
  expect(vips.add()).toEqual([]);
  expect(route.asked).toEqual(["add 10.0.0.10", "add 10.0.0.10"]);
});

test("VipKeeper.add answers what the kernel refused, and a VIP whose interface does not exist", () => {
  const [refused, route] = keeper(nodeWith());
  route.errno = 1;
  expect(refused.add()).toEqual([{ kind: "address", address: "10.0.0.10/24", text: "refused" }]);
  const [homeless] = keeper(nodeWith(), { addresses: [vipConfig("10.0.0.10", { dev: "eth9" })] });
  expect(homeless.add()).toEqual([{ kind: "address", address: "10.0.0.10/24", text: "interface eth9 does not exist" }]);
});

test("VipKeeper.remove takes away tagged and own VIPs, never foreign ones", () => {
  const three = [vipConfig("10.0.0.10"), vipConfig("10.0.0.11"), vipConfig("10.0.0.12")];
  const [vips, route] = keeper(nodeWith(ours("10.0.0.10"), addressFact("10.0.0.11")), { addresses: three });
  vips.add();
  expect(vips.remove(vips.settings.vips)).toEqual([]);
  expect(route.asked).toEqual(["add 10.0.0.10", "add 10.0.0.12", "remove 10.0.0.10", "remove 10.0.0.12"]);
});

test("VipKeeper.removeLeftovers removes what a killed predecessor left and nothing else", () => {
  const two = [vipConfig("10.0.0.10"), vipConfig("10.0.0.11")];
  const [vips, route] = keeper(nodeWith(ours("10.0.0.10"), addressFact("10.0.0.11")), { addresses: two });
  expect(vips.removeLeftovers().map((vip) => vip.text)).toEqual(["10.0.0.10/24"]);
  expect(route.asked).toEqual(["remove 10.0.0.10"]);
});

test("VipKeeper.foreignVip finds a VIP that somebody else set, but not the address owner's", () => {
  const [vips] = keeper(nodeWith(addressFact("10.0.0.10")));
  expect(vips.foreignVip()?.text).toBe("10.0.0.10/24");
  const [owner, route] = keeper(nodeWith(addressFact("10.0.0.10")), { priority: 255 });
  expect(owner.foreignVip()).toBeNull();
  owner.add();
  owner.remove(owner.settings.vips);
  expect(route.asked).toEqual([]);
});

test("VipKeeper.reconfigure removes the VIPs that are gone from the configuration", () => {
  const [vips, route] = keeper(nodeWith(), { addresses: [vipConfig("10.0.0.10"), vipConfig("10.0.0.11")] });
  vips.add();
  vips.reconfigure(instanceSettings(configWith({ addresses: [vipConfig("10.0.0.11")] })));
  expect(route.asked.slice(2)).toEqual(["remove 10.0.0.10"]);
});

test("VipKeeper.reconfigure removes a VIP that is to have another label, scope or broadcast, so that add sets it anew", () => {
  const [vips, route] = keeper(nodeWith());
  vips.add();
  const changes = [
    { label: "eth0:v" },
    { label: "eth0:v", scope: "link" },
    { label: "eth0:v", broadcast: "10.0.0.255" },
  ];
  for (const change of changes) {
    vips.reconfigure(instanceSettings(configWith({ addresses: [vipConfig("10.0.0.10", change)] })));
    vips.add();
    // Again the same: it stays.
    vips.reconfigure(instanceSettings(configWith({ addresses: [vipConfig("10.0.0.10", change)] })));
  }
  const anew = ["remove 10.0.0.10", "add 10.0.0.10"];
  expect(route.asked).toEqual(["add 10.0.0.10", ...anew, ...anew, ...anew]);
});

describe("VipKeeper, when an interface was renamed after the VIP was set on it", () => {
  const rename = (view: NodeView, index: number, name: string): unknown =>
    view.apply({ kind: "link", link: { ...ETH0, index, name } }, false);

  test("removes the VIP where it is", () => {
    const [vips, route] = keeper(nodeWith());
    vips.add();
    rename(route.view, 2, "ethX");
    expect(vips.remove(vips.settings.vips)).toEqual([]);
    expect(route.asked).toEqual(["add 10.0.0.10", "remove 10.0.0.10"]);
  });

  test("moves it when another one has the name now", () => {
    const [vips, route] = keeper(nodeWith());
    vips.add();
    rename(route.view, 2, "ethX");
    rename(route.view, 7, "eth0");
    expect(vips.add()).toEqual([]);
    vips.remove(vips.settings.vips);
    expect(route.asked).toEqual(["add 10.0.0.10", "remove 10.0.0.10", "add 10.0.0.10 on 7", "remove 10.0.0.10 on 7"]);
  });

  test("does not set it again where there is none of that name", () => {
    const [vips, route] = keeper(nodeWith());
    vips.add();
    rename(route.view, 2, "ethX");
    expect(vips.add()).toEqual([{ kind: "address", address: "10.0.0.10/24", text: "interface eth0 does not exist" }]);
    expect(route.asked).toEqual(["add 10.0.0.10", "remove 10.0.0.10"]);
  });
});
