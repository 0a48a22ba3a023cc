/** Addresses that a killed speaker left on the node, and how far one may look for what it left. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { ADDRESS_OWNER } from "../../netlink/codec-route.ts";
import type { RoutePort } from "../../netlink/route-port.ts";
import { sameAddress } from "../../net/address.ts";
import type { Vip } from "../settings.ts";

/** Columns of /proc/net/raw: local address with the protocol in the place of the port, and the socket's inode. */
const LOCAL_COLUMN = 1;
const INODE_COLUMN = 9;
/** VRRP, and the authentication header that may stand before it, in hexadecimal. */
const SPOKEN = /:(0070|0033)$/;

/**
 * At the start no address with our tag can be in use: what stands on the node is removed, but for the configured VIPs
 * where they belong, of which each instance reports its own. The configuration may have changed since. The tag is the same
 * for every Ballast: beside another speaker only the interfaces that we serve are looked at.
 */
export function sweepStrays(
  route: RoutePort,
  vips: readonly Vip[],
  besideAnother: () => boolean = anotherSpeaks,
): void {
  const { view } = route;
  const served = (name: string): boolean => vips.some((vip) => vip.interfaceName === name);
  const links = besideAnother() ? view.allLinks().filter(({ name }) => served(name)) : view.allLinks();
  const strays = links.flatMap(({ name, index }) =>
    view
      .addressesOf(index)
      .filter(
        (fact) =>
          fact.owner === ADDRESS_OWNER &&
          !vips.some(
            (vip) =>
              vip.interfaceName === name &&
              vip.prefixLength === fact.prefixLength &&
              sameAddress(vip.address, fact.address),
          ),
      ),
  );
  if (strays.length > 0) {
    route.change(
      "remove",
      strays.map((fact) => ({ ...fact, broadcast: null })),
    );
  }
}

/**
 * Whether another process of this network namespace speaks VRRP: a second Ballast, or keepalived. Told by raw sockets
 * that are not ours; where the kernel does not say, somebody might.
 */
export function anotherSpeaks(): boolean {
  try {
    const own = new Set(readdirSync("/proc/self/fd").map(socketInode));
    return ["/proc/self/net/raw", "/proc/self/net/raw6"].some((path) =>
      spokenSockets(path).some((inode) => !own.has(inode)),
    );
  } catch {
    return true;
  }
}

function socketInode(fd: string): string | null {
  try {
    return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1] ?? null;
  } catch {
    // It was closed meanwhile: the one with which the folder was read.
    return null;
  }
}

/** The inodes of raw sockets that take adverts. */
function spokenSockets(path: string): readonly string[] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    // A kernel without IPv6 has no such list.
    if (path.endsWith("6") && (error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
  return text
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((columns) => SPOKEN.test(columns[LOCAL_COLUMN] ?? ""))
    .map((columns) => columns[INODE_COLUMN]);
}
