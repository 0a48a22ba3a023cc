import { expect, test } from "bun:test";
import type { AddressFact, LinkFact } from "../../../src/netlink/codec-route.ts";
import { NodeView } from "../../../src/netlink/node-view.ts";

const link = (index: number, name: string, running = true): LinkFact => ({
  index,
  name,
  running,
  loopback: false,
  mac: Uint8Array.of(2, 0, 0, 0, 0, index),
  mtuBytes: 1500,
});
const address = (linkIndex: number, last: number, owner = 0): AddressFact => ({
  linkIndex,
  family: 4,
  address: Uint8Array.of(192, 0, 2, last),
  prefixLength: 24,
  scope: 0,
  secondary: false,
  tentative: false,
  label: null,
  owner,
});

function viewOf(links: readonly LinkFact[], addresses: readonly AddressFact[]): NodeView {
  const view = new NodeView();
  for (const each of links) view.apply({ kind: "link", link: each }, false);
  for (const each of addresses) view.apply({ kind: "address", address: each }, false);
  return view;
}

test("NodeView.apply reports a link only when something about it changed", () => {
  const view = viewOf([link(2, "eth0")], []);
  expect(view.apply({ kind: "link", link: link(2, "eth0") }, false)).toBeNull();
  expect(view.apply({ kind: "link", link: link(2, "eth0", false) }, false)).toMatchObject({ kind: "link" });
  expect(view.link("eth0")?.running).toBe(false);
});

test("NodeView.apply forgets the addresses of a link that is gone", () => {
  const view = viewOf([link(2, "eth0"), link(3, "eth1")], [address(2, 1), address(3, 2)]);
  expect(view.apply({ kind: "link_gone", index: 2, name: "eth0" }, false)).toEqual({ kind: "link_gone", name: "eth0" });
  expect(view.addressesOf(2)).toEqual([]);
  expect(view.addressesOf(3)).toEqual([address(3, 2)]);
});

test("NodeView.apply passes on who removed an address", () => {
  const view = viewOf([link(2, "eth0")], [address(2, 10)]);
  expect(view.apply({ kind: "address_gone", address: address(2, 10) }, true)).toMatchObject({
    own: true,
    linkName: "eth0",
  });
  expect(view.addressesOf(2)).toEqual([]);
});

test("NodeView.replaceWith answers the differences to a fresh dump", () => {
  const view = viewOf([link(2, "eth0"), link(3, "eth1")], [address(2, 1), address(2, 10)]);
  const fresh = viewOf([link(2, "eth0"), link(4, "eth2")], [address(2, 1), address(4, 7)]);
  const changes = view.replaceWith(fresh);
  expect(changes.map((change) => change.kind)).toEqual(["link_gone", "address_gone", "link", "address"]);
  expect(view.addressesOf(2)).toEqual([address(2, 1)]);
  expect(view.link("eth2")?.index).toBe(4);
  expect(view.replaceWith(fresh)).toEqual([]);
});
