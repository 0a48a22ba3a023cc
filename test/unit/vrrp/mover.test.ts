import { expect, test } from "bun:test";
import type { AddressRequest } from "../../../src/netlink/codec-route.ts";
import { addressBytes, addressText } from "../../../src/net/address.ts";
import { Mover } from "../../../src/vrrp/shell/mover.ts";

const request = (address: string): AddressRequest => ({
  linkIndex: 2,
  family: 4,
  address: addressBytes(address),
  prefixLength: 24,
  scope: 0,
  broadcast: null,
  label: null,
});

/** A mover and what it did, in order; the kernel refuses 10.0.0.3. */
function mover(): { readonly mover: Mover; readonly log: string[]; ask(how: "add" | "remove", ...of: string[]): void } {
  const log: string[] = [];
  const made = new Mover({
    change: (operation, requests) => {
      log.push([operation, ...requests.map(({ address }) => addressText(address))].join(" "));
      return requests.map((each) => ({ request: each, errno: each.address[3] === 3 ? 1 : 0, text: "" }));
    },
  });
  const ask = (operation: "add" | "remove", ...of: string[]): void =>
    made.move({
      operation,
      requests: of.map(request),
      done: (results) => log.push(`done ${results.map(({ errno }) => errno).join(" ")}`),
    });
  return { mover: made, log, ask };
}

test("Mover.move outside of gather is done at once", () => {
  const { log, ask } = mover();
  ask("add", "10.0.0.1", "10.0.0.3");
  expect(log).toEqual(["add 10.0.0.1 10.0.0.3", "done 0 1"]);
});

test("Mover.gather puts the moves of all into one request, removals first, and gives each its own answers", () => {
  const { mover: made, log, ask } = mover();
  made.gather(() => {
    ask("add", "10.0.0.1");
    made.gather(() => ask("remove", "10.0.0.2"));
    ask("add");
    ask("add", "10.0.0.3", "10.0.0.4");
    log.push("told");
  });
  expect(log).toEqual([
    "told",
    "remove 10.0.0.2",
    "done 0",
    "add 10.0.0.1 10.0.0.3 10.0.0.4",
    "done 0",
    "done ",
    "done 1 0",
  ]);
});

test("Mover.move from within an answer is done at once", () => {
  const { mover: made, log, ask } = mover();
  made.gather(() =>
    made.move({ operation: "add", requests: [request("10.0.0.1")], done: () => ask("remove", "10.0.0.1") }),
  );
  expect(log).toEqual(["add 10.0.0.1", "remove 10.0.0.1", "done 0"]);
});
