import { describe, expect, test } from "bun:test";
import type { NftPort } from "../../../src/netlink/nft-port.ts";
import type { RoutePort } from "../../../src/netlink/route-port.ts";
import { addressText } from "../../../src/net/address.ts";
import type { Trouble } from "../../../src/vrrp/instance.ts";
import { instanceSettings } from "../../../src/vrrp/settings.ts";
import { AcceptKeeper } from "../../../src/vrrp/shell/accept-keeper.ts";
import { Holdings } from "../../../src/vrrp/shell/holdings.ts";
import { Mover } from "../../../src/vrrp/shell/mover.ts";
import { configWith, nodeWith } from "./configs.ts";

/** Holdings of one VIP whose kernel writes down what it was asked, in order. */
function holdingsWith(
  accept: boolean,
  openNft?: () => string,
): { readonly holdings: Holdings; readonly asked: string[] } {
  const asked: string[] = [];
  const route: RoutePort = {
    view: nodeWith(),
    change: (operation, requests) => {
      asked.push(...requests.map((request) => `${operation} ${addressText(request.address)}`));
      return requests.map((request) => ({ request, errno: 0, text: "" }));
    },
    changeForwarding: (_, requests) => requests.map(() => 0),
    watchForwarding: () => undefined,
    changeLink: () => 0,
    drain: () => undefined,
  };
  const nft: NftPort = {
    port: 1,
    commit: (messages) => {
      for (const { kind } of messages) if (kind.endsWith("elements")) asked.push(kind);
      return null;
    },
    close: () => asked.push("close"),
  };
  const settings = instanceSettings(configWith(accept ? {} : { accept: false }));
  const keeper = new AcceptKeeper(openNft ?? (() => nft), false);
  return { holdings: new Holdings(settings, route, new Mover(route), keeper), asked };
}

describe("Holdings with accept = false", () => {
  test("drops packets before the VIP is set and until after it is removed", () => {
    const { holdings, asked } = holdingsWith(false);
    const troubles: Trouble[] = [];
    holdings.add((found) => troubles.push(...found));
    holdings.remove((refusals) => expect(refusals).toEqual([]));
    expect(asked).toEqual(["add_elements", "add 10.0.0.10", "remove 10.0.0.10", "delete_elements"]);
    expect(troubles).toEqual([]);
  });

  test("sets no VIP that would be open, and says why", () => {
    const { holdings, asked } = holdingsWith(false, () => "this kernel has no nf_tables");
    const text = "packets to it would not be dropped (accept = false): this kernel has no nf_tables";
    const expected: readonly Trouble[] = [{ kind: "address", address: "10.0.0.10/24", text }];
    holdings.add((troubles) => expect(troubles).toEqual(expected));
    expect(asked).toEqual([]);
    expect(holdings.openness()).toEqual(expected[0]);
  });
});

test("Holdings without it ask nothing of nf_tables", () => {
  const { holdings, asked } = holdingsWith(true, () => "nobody should ask");
  holdings.add((troubles) => expect(troubles).toEqual([]));
  expect(holdings.openness()).toBeNull();
  holdings.remove((refusals) => expect(refusals).toEqual([]));
  expect(asked).toEqual(["add 10.0.0.10", "remove 10.0.0.10"]);
});
