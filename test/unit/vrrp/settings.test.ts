import { expect, test } from "bun:test";
import { addressBytes } from "../../../src/net/address.ts";
import { heartbeatFact, linkFact } from "../../../src/vrrp/node-facts.ts";
import { instanceSettings, sameSettings } from "../../../src/vrrp/settings.ts";
import { addressFact, configWith, ETH0, nodeWith, ours, vipConfig } from "./configs.ts";

test("instanceSettings advertises the addresses and manages the excluded ones too", () => {
  const settings = instanceSettings(
    configWith({
      addresses: [vipConfig("10.0.0.10"), vipConfig("10.0.0.11", { dev: "eth1", scope: "link" })],
      excludedAddresses: [vipConfig("10.0.0.12")],
    }),
  );
  expect([...settings.advertised]).toEqual([10, 0, 0, 10, 10, 0, 0, 11]);
  expect(settings.vips.map((vip) => `${vip.text} ${vip.interfaceName} ${vip.scope}`)).toEqual([
    "10.0.0.10/24 eth0 0",
    "10.0.0.11/24 eth1 253",
    "10.0.0.12/24 eth0 0",
  ]);
});

test("instanceSettings cuts a password to eight bytes and drops it in version 3", () => {
  const long = instanceSettings(configWith({ authPassword: "longer-than-eight" }));
  expect(new TextDecoder().decode(long.password!)).toBe("longer-t");
  expect(instanceSettings(configWith({ version: 3, authPassword: "secret" })).password).toBeNull();
});

test("instanceSettings keeps the identity when anything but interface, VRID and version changes", () => {
  const identity = (changes: Parameters<typeof configWith>[0]): string =>
    instanceSettings(configWith(changes)).identity;
  expect(identity({ name: "other", priority: 7, addresses: [], advertIntervalMs: 2000 })).toBe(identity({}));
  for (const changes of [{ interface: "eth1" }, { virtualRouterId: 52 }, { version: 3 }] as const) {
    expect(identity(changes)).not.toBe(identity({}));
  }
});

test("linkFact takes the interface's own address and never a VIP", () => {
  const settings = instanceSettings(configWith());
  const view = nodeWith(ours("10.0.0.10"), addressFact("10.0.0.10"), addressFact("10.0.0.1"));
  expect(linkFact(view, settings, settings.vips)).toEqual({ kind: "up", address: addressBytes("10.0.0.1") });
  expect(linkFact(nodeWith(ours("10.0.0.10")), settings, settings.vips)).toEqual({ kind: "no_address" });
});

test("linkFact lets the address owner speak with its VIP", () => {
  const settings = instanceSettings(configWith({ priority: 255 }));
  const view = nodeWith(addressFact("10.0.0.10"));
  expect(linkFact(view, settings, settings.vips)).toEqual({ kind: "up", address: addressBytes("10.0.0.10") });
});

test("linkFact prefers the configured source, and knows a link that is down or missing", () => {
  const settings = instanceSettings(configWith({ multicastSource: "10.0.0.7" }));
  const view = nodeWith(addressFact("10.0.0.1"));
  expect(linkFact(view, settings, [])).toEqual({ kind: "up", address: addressBytes("10.0.0.7") });
  view.apply({ kind: "link", link: { ...ETH0, running: false } }, false);
  expect(linkFact(view, settings, [])).toEqual({ kind: "down" });
  view.apply({ kind: "link_gone", index: 2, name: "eth0" }, false);
  expect(linkFact(view, settings, [])).toEqual({ kind: "missing" });
});

test("heartbeatFact takes the second interface's own address, or the configured source", () => {
  const heartbeat = { interface: "eth1", source: null, peers: null };
  const settings = instanceSettings(configWith({ heartbeat }));
  const view = nodeWith(addressFact("10.0.0.1"));
  expect(heartbeatFact(view, settings, [])).toEqual({ kind: "missing" });
  view.apply({ kind: "link", link: { ...ETH0, index: 3, name: "eth1" } }, false);
  expect(heartbeatFact(view, settings, [])).toEqual({ kind: "no_address" });
  view.apply({ kind: "address", address: addressFact("10.9.0.1", { linkIndex: 3 }) }, false);
  expect(heartbeatFact(view, settings, [])).toEqual({ kind: "up", address: addressBytes("10.9.0.1") });
  const fixed = instanceSettings(configWith({ heartbeat: { ...heartbeat, source: "10.9.0.7" } }));
  expect(heartbeatFact(view, fixed, [])).toEqual({ kind: "up", address: addressBytes("10.9.0.7") });
  expect(heartbeatFact(view, instanceSettings(configWith()), [])).toBeNull();
});

test("instanceSettings keeps the identity when the second path changes, and tells that something did", () => {
  const plain = instanceSettings(configWith());
  const heartbeat = { interface: "eth1", source: null, peers: ["10.9.0.2"] };
  const second = instanceSettings(configWith({ heartbeat }));
  expect(second.identity).toBe(plain.identity);
  expect(sameSettings(plain, second)).toBe(false);
  expect(sameSettings(second, instanceSettings(configWith({ heartbeat: { ...heartbeat, peers: ["10.9.0.3"] } })))).toBe(
    false,
  );
  expect(sameSettings(second, instanceSettings(configWith({ heartbeat: { ...heartbeat } })))).toBe(true);
});
