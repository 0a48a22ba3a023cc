/**
 * Whether routing tables have the networks that are followed. Notifications are hints that count at once; they are not
 * all there is: the kernel removes IPv4 routes without a word when their link or preferred source goes. So whatever may
 * have changed something asks for the table to be read again, and the reading has the last word.
 */
import type { RouteFact } from "../netlink/codec-route.ts";
import type { IsFollowed, Nexthop, TableFact, TableRoute } from "../netlink/codec-route-table.ts";
import { sameAddress } from "../net/address.ts";

export interface FollowedNetwork {
  readonly family: 4 | 6;
  readonly address: Uint8Array;
  readonly prefixLength: number;
  readonly table: number;
}

export interface FollowedTable {
  readonly family: 4 | 6;
  readonly table: number;
}

/** `known` false: the table has not been read yet. `text`: what is wrong, after "route 0.0.0.0/0"; empty while well. */
export interface RouteVerdict {
  readonly known: boolean;
  readonly well: boolean;
  readonly text: string;
}

/** Routes of one network in one table beyond this are not looked at; the kernel itself has a handful. */
const ROUTES_MAX = 64;
/** As many as the picture of the node has; beyond it they are forgotten, and the tables' own flags count. */
const LINKS_MAX = 4096;

export class RouteBook {
  private networks: readonly FollowedNetwork[] = [];
  /** Network → its routes; a network that is missing has not been read. */
  private readonly routes = new Map<string, TableRoute[]>();
  /** Links of which there was news, and whether they run: the flags of routes that were read before are older. */
  private readonly links = new Map<number, boolean>();
  /** Family and prefix length → addresses. */
  private readonly byLength = new Map<number, readonly Uint8Array[]>();

  /** Follows exactly these. Those that were followed keep what is known of them. */
  follow(networks: readonly FollowedNetwork[]): void {
    this.networks = networks;
    this.byLength.clear();
    for (const { family, prefixLength, address } of networks) {
      const key = lengthKey(family, prefixLength);
      this.byLength.set(key, [...(this.byLength.get(key) ?? []), address]);
    }
    const keys = new Set(networks.map(networkKey));
    for (const key of this.routes.keys()) if (!keys.has(key)) this.routes.delete(key);
  }

  /** The tables to be read, each once. */
  get tables(): readonly FollowedTable[] {
    const tables = new Map(this.networks.map(({ family, table }) => [`${family} ${table}`, { family, table }]));
    return [...tables.values()];
  }

  /** For the decoder: is the network one of those that are followed, in whatever table? */
  readonly isFollowed: IsFollowed = (family, prefixLength, bytes, at) => {
    const addresses = this.byLength.get(lengthKey(family, prefixLength));
    if (addresses === undefined) return false;
    return addresses.some((address) => address.every((byte, i) => byte === (at < 0 ? 0 : bytes[at + i])));
  };

  /** Takes in a notification. True: the tables should be read again. */
  hear(fact: TableFact): boolean {
    if (fact.kind === "other") return false;
    if (fact.kind === "nexthop_object") return this.known().some((route) => route.nexthopObject === fact.id);
    const { route } = fact;
    const network = this.networkOf(route);
    if (network === null) return false;
    const known = this.routes.get(networkKey(network)) ?? [];
    // A replaced route gives its place up in this very moment; one message tells of both.
    const gone = (each: TableRoute): boolean =>
      each.identity === route.identity || (fact.kind === "route" && fact.replaces && each.metric === route.metric);
    const rest = known.filter((each) => !gone(each));
    if (this.routes.has(networkKey(network))) {
      this.routes.set(networkKey(network), fact.kind === "route" ? [...rest, route].slice(-ROUTES_MAX) : rest);
    }
    return true;
  }

  /** Takes in news of links and addresses. True: a route that is followed may be gone or dead, or alive again. */
  hearNode(fact: RouteFact): boolean {
    switch (fact.kind) {
      case "link":
      case "link_gone": {
        const index = fact.kind === "link" ? fact.link.index : fact.index;
        const running = fact.kind === "link" && fact.link.running;
        if (this.links.get(index) === running) return false;
        if (this.links.size >= LINKS_MAX) this.links.clear();
        this.links.set(index, running);
        return this.overLink(index, running);
      }
      case "address_gone": {
        const { address } = fact.address;
        return this.known().some((route) => route.source !== null && sameAddress(route.source, address));
      }
      default:
        return false;
    }
  }

  /** Notifications were lost. */
  forgetLinks(): void {
    this.links.clear();
  }

  /** Everything was read: these are the routes, also of networks that nobody follows. */
  adopt(routes: readonly TableRoute[]): void {
    for (const network of this.networks) this.routes.set(networkKey(network), []);
    for (const route of routes) {
      const network = this.networkOf(route);
      const known = network === null ? undefined : this.routes.get(networkKey(network));
      if (known !== undefined && known.length < ROUTES_MAX) known.push(route);
    }
  }

  /** Whether the route is to a network that is followed. */
  has(route: TableRoute): boolean {
    return this.networkOf(route) !== null;
  }

  verdict(network: FollowedNetwork): RouteVerdict {
    const routes = this.routes.get(networkKey(network));
    if (routes === undefined) return { known: false, well: false, text: "" };
    const lost = (text: string): RouteVerdict => ({ known: true, well: false, text });
    if (routes.length === 0) return lost("is gone");
    const alive = routes.filter((route) => this.isAlive(route));
    if (alive.length === 0) return lost("is dead: its link is down");
    // The kernel passes dead routes over and takes the lowest metric of the rest.
    const metric = Math.min(...alive.map((route) => route.metric));
    const used = alive.filter((route) => route.metric === metric);
    if (used.some((route) => route.leads)) return { known: true, well: true, text: "" };
    return lost(`leads nowhere: it is of the kind ${used[0].kind}`);
  }

  /**
   * Whether routes use the link. When it goes their nexthops are dead until a reading says otherwise: that it is back
   * says nothing of the routes, which may be gone.
   */
  private overLink(index: number, running: boolean): boolean {
    let uses = false;
    for (const [key, routes] of this.routes) {
      // Of a nexthop object that the kernel does not spell out, nobody knows which links it uses.
      const mayUse = ({ nexthops, nexthopObject }: TableRoute): boolean =>
        nexthops.some(({ linkIndex }) => linkIndex === index) || (nexthopObject !== null && nexthops.length === 0);
      if (!routes.some(mayUse)) continue;
      uses = true;
      if (running) continue;
      const after = ({ linkIndex, alive }: Nexthop): Nexthop => ({ linkIndex, alive: alive && linkIndex !== index });
      this.routes.set(
        key,
        routes.map((route) => ({ ...route, nexthops: route.nexthops.map(after) })),
      );
    }
    return uses;
  }

  private isAlive(route: TableRoute): boolean {
    if (route.dead) return false;
    if (route.nexthops.length === 0 || !route.leads) return true;
    return route.nexthops.some(({ alive, linkIndex }) => alive && this.links.get(linkIndex) !== false);
  }

  private known(): readonly TableRoute[] {
    return [...this.routes.values()].flat();
  }

  private networkOf(route: TableRoute): FollowedNetwork | null {
    const isMeant = (network: FollowedNetwork): boolean =>
      network.table === route.table &&
      network.prefixLength === route.prefixLength &&
      sameAddress(network.address, route.to);
    return this.networks.find(isMeant) ?? null;
  }
}

export function networkKey({ address, prefixLength, table }: FollowedNetwork): string {
  return `${address.join(".")}/${prefixLength} ${table}`;
}

function lengthKey(family: 4 | 6, prefixLength: number): number {
  return family * 256 + prefixLength;
}
