/**
 * An AcceptKeeper by itself, for tests inside a network namespace.
 *
 *   bun test/support/accept-node.ts CLAIMS     CLAIMS: a JSON file, see AcceptOrder
 *
 * Prints a line of JSON, { refusals, tookMs }, when everything is in force. SIGHUP reads CLAIMS again, SIGUSR1 puts a
 * table back that somebody flushed, SIGTERM ends it in order.
 */
import { readFileSync } from "node:fs";
import type { NftPort } from "../../src/netlink/nft-port.ts";
import { openNft } from "../../src/netlink/shell/nft-socket.ts";
import { addressBytes } from "../../src/net/address.ts";
import { E } from "../../src/sys/errno.ts";
import { AcceptKeeper } from "../../src/vrrp/shell/accept-keeper.ts";

export interface AcceptOrder {
  /** False: as on a kernel before 5.12, which knows no owner of a table. */
  readonly ownedTables: boolean;
  /** Address and interface of each VIP, by who refuses packets to it. Empty at the start: no instance wants that. */
  readonly claims: Readonly<Record<string, readonly (readonly [string, string])[]>>;
}

const read = (): AcceptOrder => JSON.parse(readFileSync(process.argv[2], "utf8")) as AcceptOrder;
const order = read();

/** Says to the owner flag what an old kernel says. */
function openOldNft(): NftPort | string {
  const port = openNft();
  if (typeof port === "string") return port;
  return {
    port: port.port,
    commit: (messages) => {
      const owned = messages.find((message) => message.kind === "add_table" && message.owned);
      return owned === undefined ? port.commit(messages) : { message: owned, errno: E.INVAL, text: "owner unknown" };
    },
    close: () => port.close(),
  };
}

const keeper = new AcceptKeeper(order.ownedTables ? openNft : openOldNft, !order.ownedTables);

function report(run: () => readonly (string | null)[]): void {
  const startedMs = performance.now();
  const refusals = run().filter((text) => text !== null);
  const tookMs = Math.round((performance.now() - startedMs) * 1000) / 1000;
  process.stdout.write(`${JSON.stringify({ refusals, tookMs })}\n`);
}

function apply(): readonly (string | null)[] {
  return Object.entries(read().claims).map(([owner, vips]) =>
    keeper.refuse(
      owner,
      vips.map(([address, interfaceName]) => ({ address: addressBytes(address), interfaceName })),
    ),
  );
}

report(() => [keeper.prepare(Object.keys(order.claims).length > 0)]);
report(apply);
process.on("SIGHUP", () => report(apply));
process.on("SIGUSR1", () => report(() => [keeper.restore()]));
process.on("SIGTERM", () => {
  keeper.close();
  process.exit(0);
});
// Signals alone do not keep the loop alive.
setInterval(() => {}, 60_000);
