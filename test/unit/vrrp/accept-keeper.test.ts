import { describe, expect, test } from "bun:test";
import type { NftMessage } from "../../../src/netlink/codec-nft.ts";
import type { NftPort, NftRefusal } from "../../../src/netlink/nft-port.ts";
import { addressBytes, addressText } from "../../../src/net/address.ts";
import { REFUSED_MAX, type RefusedVip } from "../../../src/vrrp/accept-rules.ts";
import { AcceptKeeper } from "../../../src/vrrp/shell/accept-keeper.ts";

/** A kernel with tables and elements of sets; it refuses what `refuse` says. */
class FakeKernel {
  opened = 0;
  closed = 0;
  commits = 0;
  refuse: ((message: NftMessage) => number) | null = null;
  readonly tables = new Map<string, Set<string>>();

  open(): NftPort {
    this.opened++;
    const owned = new Set<string>();
    return {
      port: 7,
      commit: (messages) => this.commit(messages, owned),
      close: () => {
        this.closed++;
        for (const table of owned) this.tables.delete(table);
      },
    };
  }

  get state(): string {
    return [...this.tables].map(([table, elements]) => `${table}: ${[...elements].sort().join(", ")}`).join("; ");
  }

  private commit(messages: readonly NftMessage[], owned: Set<string>): NftRefusal | null {
    this.commits++;
    const known = new Set(this.tables.keys());
    for (const message of messages) {
      const errno = this.refuse?.(message) ?? 0;
      if (errno !== 0) return { message, errno, text: `refused: ${errno}` };
      if (message.kind === "add_table") known.add(message.table);
      if (message.kind === "add_elements" && !known.has(message.table)) {
        return { message, errno: 2, text: "no such table" };
      }
    }
    for (const message of messages) this.take(message, owned);
    return null;
  }

  private take(message: NftMessage, owned: Set<string>): void {
    const elements = this.tables.get(message.table) ?? new Set();
    switch (message.kind) {
      case "add_table":
        this.tables.set(message.table, elements);
        if (message.owned) owned.add(message.table);
        return;
      case "delete_table":
        this.tables.delete(message.table);
        return;
      case "add_elements":
        for (const key of message.keys) elements.add(keyText(key));
        return;
      case "delete_elements":
        for (const key of message.keys) elements.delete(keyText(key));
        return;
      default:
    }
  }
}

function keyText(key: Uint8Array): string {
  if (key.length !== 32) return addressText(key);
  return `${addressText(key.subarray(0, 16))}%${new TextDecoder().decode(key.subarray(16)).replaceAll("\0", "")}`;
}

const vip = (address: string, interfaceName = "eth0"): RefusedVip => ({
  address: addressBytes(address),
  interfaceName,
});

function keeperOn(kernel: FakeKernel, sweeps = false): AcceptKeeper {
  return new AcceptKeeper(() => kernel.open(), sweeps);
}

/** As before Linux 5.12. */
const knowsNoOwner = (message: NftMessage): number => (message.kind === "add_table" && message.owned ? 22 : 0);

describe("AcceptKeeper", () => {
  test("opens nothing while nobody refuses anything", () => {
    const kernel = new FakeKernel();
    const keeper = keeperOn(kernel);
    expect(keeper.prepare(false)).toBeNull();
    expect(keeper.refuse("a", [])).toBeNull();
    expect(keeper.restore()).toBeNull();
    keeper.close();
    expect(kernel.opened).toBe(0);
  });

  test("makes the table before the first VIP, and takes it away when no instance wants it", () => {
    const kernel = new FakeKernel();
    const keeper = keeperOn(kernel);
    expect(keeper.prepare(true)).toBeNull();
    expect(keeper.prepare(true)).toBeNull();
    expect(kernel.state).toBe("ballast_vrrp_7: ");
    expect(keeper.prepare(false)).toBeNull();
    expect([kernel.state, kernel.opened, kernel.closed]).toEqual(["", 1, 1]);
  });

  test("asks for differences only, in one transaction", () => {
    const kernel = new FakeKernel();
    const keeper = keeperOn(kernel);
    keeper.refuse("a", [vip("192.0.2.10"), vip("192.0.2.11")]);
    const { commits } = kernel;
    keeper.refuse("a", [vip("192.0.2.10"), vip("192.0.2.11")]);
    expect(kernel.commits).toBe(commits);
    keeper.refuse("a", [vip("192.0.2.11"), vip("2001:db8::1")]);
    expect(kernel.commits).toBe(commits + 1);
    expect(kernel.state).toBe("ballast_vrrp_7: 192.0.2.11, 2001:db8::1");
  });

  test("keeps a VIP until the last of those who refuse it lets go; a link-local one for each interface", () => {
    const kernel = new FakeKernel();
    const keeper = keeperOn(kernel);
    keeper.refuse("a", [vip("192.0.2.10"), vip("fe80::1")]);
    keeper.refuse("b", [vip("192.0.2.10", "eth1"), vip("fe80::1", "eth1")]);
    expect(kernel.state).toBe("ballast_vrrp_7: 192.0.2.10, fe80::1%eth0, fe80::1%eth1");
    keeper.refuse("a", []);
    expect(kernel.state).toBe("ballast_vrrp_7: 192.0.2.10, fe80::1%eth1");
    keeper.refuse("b", []);
    expect(kernel.state).toBe("ballast_vrrp_7: ");
  });

  test("says what the kernel refused, and forgets what was asked for in vain", () => {
    const kernel = new FakeKernel();
    const keeper = keeperOn(kernel);
    keeper.refuse("a", [vip("192.0.2.10")]);
    kernel.refuse = (message) => (message.kind === "add_elements" ? 12 : 0);
    expect(keeper.refuse("b", [vip("192.0.2.11")])).toBe("refused: 12");
    kernel.refuse = null;
    expect(keeper.refuse("a", [vip("192.0.2.12")])).toBeNull();
    expect(kernel.state).toBe("ballast_vrrp_7: 192.0.2.12");
  });

  test("releases with the next change what could not be released", () => {
    const kernel = new FakeKernel();
    const keeper = keeperOn(kernel);
    keeper.refuse("a", [vip("192.0.2.10")]);
    kernel.refuse = (message) => (message.kind === "delete_elements" ? 12 : 0);
    expect(keeper.refuse("a", [])).toBe("refused: 12");
    kernel.refuse = null;
    expect(keeper.refuse("b", [vip("192.0.2.11")])).toBeNull();
    expect(kernel.state).toBe("ballast_vrrp_7: 192.0.2.11");
  });

  test("says why there is no table, closes the socket and tries again when asked again", () => {
    const kernel = new FakeKernel();
    const keeper = keeperOn(kernel);
    kernel.refuse = (message) => (message.kind === "add_chain" ? 2 : 0);
    expect(keeper.prepare(true)).toBe("refused: 2");
    expect(keeper.refuse("a", [vip("192.0.2.10")])).toBe("refused: 2");
    expect([kernel.opened, kernel.closed]).toEqual([2, 2]);
    kernel.refuse = null;
    expect(keeper.refuse("a", [vip("192.0.2.10")])).toBeNull();
    expect(new AcceptKeeper(() => "no nf_tables").prepare(true)).toBe("no nf_tables");
  });

  test("has a bound, and says so", () => {
    const keeper = keeperOn(new FakeKernel());
    const vips = Array.from({ length: REFUSED_MAX + 1 }, (_, i) => vip(`10.0.${i >> 8}.${i & 255}`));
    expect(keeper.refuse("a", vips.slice(1))).toBeNull();
    expect(keeper.refuse("a", vips)).toContain(`${REFUSED_MAX} addresses at most, not ${REFUSED_MAX + 1}`);
  });

  describe("on a kernel whose tables have no owner", () => {
    test("makes one that lasts, in place of what a killed predecessor left, and removes it in the end", () => {
      const kernel = new FakeKernel();
      kernel.refuse = knowsNoOwner;
      kernel.tables.set("ballast_vrrp", new Set(["192.0.2.99"])).set("foreign", new Set());
      const keeper = keeperOn(kernel, true);
      keeper.prepare(true);
      keeper.refuse("a", [vip("192.0.2.10")]);
      expect(kernel.state).toBe("foreign: ; ballast_vrrp: 192.0.2.10");
      keeper.close();
      expect(kernel.state).toBe("foreign: ");
    });

    test("removes what was left once, also when no instance refuses anything now", () => {
      const kernel = new FakeKernel();
      kernel.tables.set("ballast_vrrp", new Set(["192.0.2.99"]));
      const keeper = keeperOn(kernel, true);
      keeper.prepare(false);
      keeper.prepare(false);
      expect([kernel.state, kernel.opened, kernel.closed]).toEqual(["", 1, 1]);
    });

    test("puts a table back that somebody flushed", () => {
      const kernel = new FakeKernel();
      kernel.refuse = knowsNoOwner;
      const keeper = keeperOn(kernel);
      keeper.refuse("a", [vip("192.0.2.10")]);
      kernel.tables.clear();
      expect(keeper.restore()).toBeNull();
      expect(kernel.state).toBe("ballast_vrrp: 192.0.2.10");
      kernel.tables.clear();
      expect(keeper.refuse("b", [vip("192.0.2.11")])).toBeNull();
      expect(kernel.state).toBe("ballast_vrrp: 192.0.2.10, 192.0.2.11");
    });
  });
});
