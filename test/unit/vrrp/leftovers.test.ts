import { expect, test } from "bun:test";
import type { RoutePort } from "../../../src/netlink/route-port.ts";
import { addressText } from "../../../src/net/address.ts";
import { instanceSettings } from "../../../src/vrrp/settings.ts";
import { sweepStrays } from "../../../src/vrrp/shell/leftovers.ts";
import { addressFact, configWith, ETH0, nodeWith, ours } from "./configs.ts";

/** A node with the configured VIP, strays of ours and what is somebody else's; answers what is removed. */
function swept(besideAnother: boolean): readonly string[] {
  const removed: string[] = [];
  const view = nodeWith(
    ours("10.0.0.10"),
    { ...ours("10.0.0.10"), prefixLength: 32 },
    ours("10.0.0.9"),
    addressFact("10.0.0.1"),
  );
  view.apply({ kind: "link", link: { ...ETH0, index: 3, name: "eth1" } }, false);
  for (const address of [ours("10.0.0.10"), addressFact("10.1.0.1")]) {
    view.apply({ kind: "address", address: { ...address, linkIndex: 3 } }, false);
  }
  const route: RoutePort = {
    view,
    change: (_, requests) => {
      for (const { address, prefixLength, linkIndex } of requests) {
        removed.push(`${addressText(address)}/${prefixLength} on ${linkIndex}`);
      }
      return requests.map((request) => ({ request, errno: 0, text: "" }));
    },
    changeForwarding: () => [],
    watchForwarding: () => undefined,
    changeLink: () => 0,
    drain: () => undefined,
  };
  sweepStrays(route, instanceSettings(configWith()).vips, () => besideAnother);
  return removed;
}

test("sweepStrays removes what has our tag on any interface, but no VIP where it belongs", () => {
  expect(swept(false)).toEqual(["10.0.0.10/32 on 2", "10.0.0.9/24 on 2", "10.0.0.10/24 on 3"]);
});

test("sweepStrays beside another speaker looks at the interfaces of its own VIPs only", () => {
  expect(swept(true)).toEqual(["10.0.0.10/32 on 2", "10.0.0.9/24 on 2"]);
});
