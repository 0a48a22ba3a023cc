import { beforeEach, expect, test } from "bun:test";
import type { RouteFact } from "../../../src/netlink/codec-route.ts";
import type { TableRoute } from "../../../src/netlink/codec-route-table.ts";
import { addressBytes } from "../../../src/net/address.ts";
import { type FollowedNetwork, RouteBook } from "../../../src/vrrp/route-track.ts";

const DEFAULT: FollowedNetwork = { family: 4, address: addressBytes("0.0.0.0"), prefixLength: 0, table: 254 };

function route(changes: Partial<TableRoute> = {}): TableRoute {
  const whole: TableRoute = {
    family: 4,
    table: 254,
    to: addressBytes("0.0.0.0"),
    prefixLength: 0,
    kind: "unicast",
    leads: true,
    metric: 0,
    nexthops: [{ linkIndex: 3, alive: true }],
    nexthopObject: null,
    dead: false,
    source: null,
    identity: "",
    ...changes,
  };
  const ways = whole.nexthops.map(({ linkIndex }) => linkIndex).join(" ");
  return { ...whole, identity: `${whole.kind} ${whole.metric} ${ways}` };
}

const blackhole = (metric: number): TableRoute => route({ kind: "blackhole", leads: false, nexthops: [], metric });

function link(index: number, running: boolean): RouteFact {
  const fact = { index, name: `up${index}`, running, loopback: false, mac: new Uint8Array(6), mtuBytes: 1500 };
  return { kind: "link", link: fact };
}

let book: RouteBook;
const text = (network = DEFAULT): string => {
  const verdict = book.verdict(network);
  return verdict.known ? verdict.text || "well" : "unknown";
};

beforeEach(() => {
  book = new RouteBook();
  book.follow([DEFAULT]);
});

test("verdict is unknown until the table was read", () => {
  book.hear({ kind: "route", route: route(), replaces: false });
  expect(text()).toBe("unknown");
  book.adopt([]);
  expect(text()).toBe("is gone");
});

test("verdict takes the lowest metric of what lives", () => {
  book.adopt([route({ metric: 100 }), blackhole(200)]);
  expect(text()).toBe("well");
  book.adopt([route({ metric: 100 }), blackhole(50)]);
  expect(text()).toBe("leads nowhere: it is of the kind blackhole");
  const dead = [{ linkIndex: 3, alive: false }];
  book.adopt([route({ nexthops: dead }), route({ metric: 9, nexthops: [{ linkIndex: 4, alive: true }] })]);
  expect(text()).toBe("well");
  book.adopt([route({ nexthops: dead })]);
  expect(text()).toBe("is dead: its link is down");
});

test("verdict needs one living way of a multipath route, and none of one that does not tell", () => {
  const nexthops = [
    { linkIndex: 3, alive: false },
    { linkIndex: 4, alive: true },
  ];
  book.adopt([route({ nexthops })]);
  expect(text()).toBe("well");
  expect(book.hearNode(link(4, false))).toBe(true);
  expect(text()).toBe("is dead: its link is down");
  book.adopt([route({ nexthops: [], nexthopObject: 7 })]);
  expect(text()).toBe("well");
});

test("hear takes additions, removals and replacements at once and asks for a reading", () => {
  book.adopt([route()]);
  expect(book.hear({ kind: "route_gone", route: route() })).toBe(true);
  expect(text()).toBe("is gone");
  book.hear({ kind: "route", route: route({ metric: 5 }), replaces: false });
  expect(text()).toBe("well");
  book.hear({ kind: "route", route: blackhole(5), replaces: true });
  expect(text()).toBe("leads nowhere: it is of the kind blackhole");
});

test("hear passes over other tables, lengths and networks, and removals of what it does not know", () => {
  book.adopt([route()]);
  const others: Partial<TableRoute>[] = [{ table: 100 }, { prefixLength: 8 }, { to: addressBytes("10.0.0.0") }];
  for (const other of others) expect(book.hear({ kind: "route_gone", route: route(other) })).toBe(false);
  book.hear({ kind: "route_gone", route: route({ metric: 77 }) });
  expect(text()).toBe("well");
});

test("hear asks for a reading when the nexthop object of a followed route changes, not for others", () => {
  book.adopt([route({ nexthopObject: 7 })]);
  expect(book.hear({ kind: "nexthop_object", id: 7 })).toBe(true);
  expect(book.hear({ kind: "nexthop_object", id: 8 })).toBe(false);
});

// The kernel removes IPv4 routes of a link that goes down and says nothing: the link's return is not the route's.
test("hearNode does not believe in a route again because its link is back", () => {
  book.adopt([route()]);
  expect(book.hearNode(link(9, false))).toBe(false);
  expect(book.hearNode(link(3, false))).toBe(true);
  expect(text()).toBe("is dead: its link is down");
  expect(book.hearNode(link(3, false))).toBe(false);
  expect(book.hearNode(link(3, true))).toBe(true);
  expect(text()).toBe("is dead: its link is down");
  book.adopt([route()]);
  expect(text()).toBe("well");
});

test("hearNode asks for a reading when the source address of a route goes", () => {
  book.adopt([route({ source: addressBytes("198.51.100.9") })]);
  const gone = (address: string): RouteFact => ({
    kind: "address_gone",
    address: {
      linkIndex: 3,
      family: 4,
      address: addressBytes(address),
      prefixLength: 32,
      scope: 0,
      secondary: false,
      tentative: false,
      label: null,
      owner: 0,
    },
  });
  expect(book.hearNode(gone("198.51.100.8"))).toBe(false);
  expect(book.hearNode(gone("198.51.100.9"))).toBe(true);
});

test("isFollowed compares family, length and address, and follow keeps what is known", () => {
  const ten: FollowedNetwork = { family: 4, address: addressBytes("10.9.0.0"), prefixLength: 16, table: 1000 };
  book.adopt([route()]);
  book.follow([DEFAULT, ten]);
  expect(text()).toBe("well");
  expect(text(ten)).toBe("unknown");
  const bytes = Uint8Array.of(0, 10, 9, 0, 0, 10, 8, 0, 0);
  expect(book.isFollowed(4, 16, bytes, 1)).toBe(true);
  expect(book.isFollowed(4, 16, bytes, 5)).toBe(false);
  expect(book.isFollowed(4, 17, bytes, 1)).toBe(false);
  expect(book.isFollowed(4, 0, bytes, -1)).toBe(true);
  expect(book.isFollowed(6, 0, bytes, -1)).toBe(false);
  expect(book.tables).toEqual([
    { family: 4, table: 254 },
    { family: 4, table: 1000 },
  ]);
});
