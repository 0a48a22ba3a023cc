import { expect, test } from "bun:test";
import { refusalText } from "../../../src/ipvs/kernel-table.ts";
import type { IpvsCommand } from "../../../src/ipvs/model.ts";
import { planRestore } from "../../../src/ipvs/restore.ts";
import { parseRule, parseRules } from "../../../src/ipvs/rule-parse.ts";
import { printRules } from "../../../src/ipvs/rule-print.ts";
import { findTarget } from "../../../src/ipvs/target.ts";
import { FakeKernel } from "./fake-kernel.ts";

const saved = `-A -t 192.168.168.12:80 -s rr
-a -t 192.168.168.12:80 -r 192.168.168.102:80 -g -w 1
-a -t 192.168.168.12:80 -r 192.168.168.103:80 -g -w 1
`;

function restored(kernel: FakeKernel, text: string): readonly string[] {
  const commands = planRestore(parseRules(text).commands, kernel.table());
  for (const command of commands) expect(kernel.apply(command)).toBe(0);
  return commands.map((command) => command.kind);
}

test("planRestore adds what is missing, edits what differs, and does nothing the second time", () => {
  const kernel = new FakeKernel();
  expect(restored(kernel, saved)).toEqual(["add_service", "add_destination", "add_destination"]);
  expect(printRules(kernel.table())).toBe(saved);
  expect(restored(kernel, saved)).toEqual([]);
  expect(restored(kernel, saved.replace("-s rr", "-s wlc").replace("-g -w 1", "-g -w 5"))).toEqual([
    "edit_service",
    "edit_destination",
  ]);
  expect(restored(kernel, `-d -t 192.168.168.12:80 -r 192.168.168.103:80\n${saved}`)).toEqual([
    "delete_destination",
    "edit_service",
    "edit_destination",
    "add_destination",
  ]);
});

test("findTarget finds a server by service and address, with or without what is not needed", () => {
  const kernel = new FakeKernel();
  const more = "-A -u 192.168.168.12:80 -s rr\n-A -f 7 -s rr\n-a -f 7 -r 192.168.168.102:0 -g -w 1\n";
  restored(kernel, saved + more);
  const table = kernel.table();
  const found = (text: string): string => {
    const target = findTarget(text, table);
    return target.ok ? `${target.value.destination.address}:${target.value.destination.port}` : target.error;
  };
  expect(found("tcp:192.168.168.12:80/192.168.168.103:80")).toBe("192.168.168.103:80");
  expect(found("tcp:192.168.168.12:80/192.168.168.103")).toBe("192.168.168.103:80");
  expect(found("fwmark:7/192.168.168.102")).toBe("192.168.168.102:0");
  expect(found("192.168.168.12:80/192.168.168.103")).toBe(
    "192.168.168.12:80 names several virtual servers: write tcp:192.168.168.12:80 or udp:192.168.168.12:80",
  );
  expect(found("192.0.2.1:80/1.2.3.4")).toBe("the kernel has no virtual server 192.0.2.1:80");
  expect(found("fwmark:7/1.2.3.4")).toBe("fwmark 7 ipv4 has no real server 1.2.3.4");
  expect(found("web")).toBe('"web" is not SERVICE/SERVER, such as 192.0.2.10:80/198.51.100.1:80');
});

test.each([
  ["-A -t 192.0.2.1:80 -s rr", 17, "service tcp 192.0.2.1:80 exists already"],
  ["-A -t 192.0.2.1:80 -s mh", 2, 'service tcp 192.0.2.1:80: this kernel has no scheduler "mh" (module ip_vs_mh)'],
  ["-E -t 192.0.2.1:80 -s rr", 3, "there is no service tcp 192.0.2.1:80"],
  ["-d -t 192.0.2.1:80 -r 192.0.2.2", 2, "service tcp 192.0.2.1:80 has no server 192.0.2.2:80"],
  ["-a -t 192.0.2.1:80 -r 192.0.2.2", 17, "service tcp 192.0.2.1:80 has server 192.0.2.2:80 already"],
  ["-C", 1, "clearing the table: not permitted (it needs CAP_NET_ADMIN)"],
  ["--stop-daemon backup", 3, "no backup sync daemon runs"],
])("refusalText says why %s failed with %i", (line, errno, words) => {
  const parsed = parseRule(line);
  expect(refusalText((parsed as { value: IpvsCommand }).value, errno)).toBe(words);
});
