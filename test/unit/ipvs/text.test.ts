import { expect, test } from "bun:test";
import { parseConnections, printConnections } from "../../../src/ipvs/connections.ts";
import { largeNumber } from "../../../src/ipvs/listing.ts";
import { parseRule, parseRules } from "../../../src/ipvs/rule-parse.ts";
import { destinationRule, serviceRule } from "../../../src/ipvs/rule-print.ts";
import { allCaptures } from "./captures.ts";

const captures = allCaptures();

test("printConnections prints /proc/net/ip_vs_conn as ipvsadm -L -n -c prints it", () => {
  const file = captures.find(({ command }) => command === "cat /proc/net/ip_vs_conn")!;
  const shown = captures.find(({ command }) => command === "ipvsadm -L -n -c")!;
  expect(printConnections(parseConnections(file.stdout, 100))).toBe(shown.stdout);
  expect(parseConnections(file.stdout, 2)).toHaveLength(2);
  expect(parseConnections("Pro FromIP\ngarbage\nTCP zz 0000 C000020A 0050 C0000203 1F90 X 1\n", 10)).toEqual([]);
});

test("parseRule and the printers are inverse on every line of ipvsadm-save", () => {
  const lines = captures
    .filter(({ command }) => command === "ipvsadm -S -n")
    .flatMap(({ stdout }) => stdout.trimEnd().split("\n"));
  expect(lines.length).toBeGreaterThan(50);
  for (const line of lines) {
    const parsed = parseRule(line);
    if (!parsed.ok) throw new Error(`${line}: ${parsed.error}`);
    const { value } = parsed;
    if (value.kind === "add_service") expect(serviceRule(value.service)).toBe(line);
    else if (value.kind === "add_destination") expect(destinationRule(value.id, value.destination)).toBe(line);
    else throw new Error(value.kind);
  }
});

test("parseRules reads the tutorial's file, long options, comments and the word ipvsadm", () => {
  const text = [
    "# saved on the old director",
    "-A -t 192.168.168.12:80 -s rr",
    "",
    "ipvsadm --add-server --tcp-service=192.168.168.12:80 --real-server 192.168.168.102 --gatewaying --weight 1",
    "/sbin/ipvsadm -a -t 192.168.168.12:80 -r 192.168.168.103:80 -g -w 1 -x 100 -y 80",
  ].join("\n");
  const { commands, problems } = parseRules(text);
  expect(problems).toEqual([]);
  expect(commands.map((command) => command.kind)).toEqual(["add_service", "add_destination", "add_destination"]);
  const [, first, second] = commands;
  expect(first?.kind === "add_destination" && destinationRule(first.id, first.destination)).toBe(
    "-a -t 192.168.168.12:80 -r 192.168.168.102:80 -g -w 1",
  );
  expect(second?.kind === "add_destination" && destinationRule(second.id, second.destination)).toBe(
    "-a -t 192.168.168.12:80 -r 192.168.168.103:80 -g -w 1 -x 100 -y 80",
  );
});

test.each([
  ["-X", '"-X" is no command of ipvsadm'],
  ["-A -s rr", "names no service, or several: one of -t, -u, --sctp-service, -f is wanted"],
  ["-A -t 192.0.2.1:80 -u 192.0.2.1:80", "names no service, or several: one of -t, -u, --sctp-service, -f is wanted"],
  ["-A -t 192.0.2.1:80 -t 192.0.2.1:80", "-t stands there twice"],
  ["-A -t 192.0.2.1:99999", '"192.0.2.1:99999" is not ADDRESS:PORT, such as 192.0.2.1:80 or [2001:db8::1]:80'],
  ["-A -t 192.0.2.1:0 -s rr", "port 0 (all ports) needs a persistent service: add -p"],
  ["-A -t 192.0.2.1:80 -o", "-o is for UDP services only"],
  ["-A -t 192.0.2.1:80 -s", "-s wants a value"],
  ["-A -t 192.0.2.1:80 -s sh -b sh-prot", 'scheduler sh has no flag "sh-prot"; did you mean "sh-port"?'],
  ["-A -t 192.0.2.1:80 -p -M 255.255.256.0", '-M wants a mask such as 255.255.255.0, found "255.255.256.0"'],
  ["-A -t 192.0.2.1:80 --persistant 5", '"--persistant" is no option of ipvsadm; did you mean "--persistent"?'],
  ["-a -t 192.0.2.1:80 -g", "names no server: -r ADDRESS:PORT is missing"],
  ["-a -t 192.0.2.1:80 -r 192.0.2.2 -g -m", "forwards in several ways: one of -g, -i, -m is wanted"],
  ["-a -t 192.0.2.1:80 -r 192.0.2.2 -w -1", '-w wants 0 to 65535, found "-1"'],
  [
    "-a -t 192.0.2.1:80 -r [2001:db8::2]:80 -g",
    "a server of the other address family can only be reached by a tunnel: -i",
  ],
  ["-a -t 192.0.2.1:80 -r 192.0.2.2 -i --tun-type gue", "--tun-type gue wants --tun-port 1–65535"],
  ["--set 1 2", "--set wants three numbers of seconds: tcp tcpfin udp"],
  ["--start-daemon leader", 'the role of a daemon is master or backup, found "leader"'],
])("parseRule refuses %s", (line, reason) => {
  expect(parseRule(line)).toEqual({ ok: false, error: reason });
});

test("parseRules reports every wrong line with its number", () => {
  const { problems } = parseRules("-A -t 192.0.2.1:80\n-A nonsense\n\n-d -t 192.0.2.1:80\n");
  expect(problems.map(({ line }) => line)).toEqual([2, 4]);
});

test("largeNumber keeps its nine columns", () => {
  const numbers = [0, 99_999_999, 100_000_000, 999_999_999, 1e9, 99_999_999_999, 1e11, 1e14, 1.5e15];
  expect(numbers.map((value) => largeNumber(value))).toEqual([
    "        0",
    " 99999999",
    "  100000K",
    "  999999K",
    "    1000M",
    "   99999M",
    "     100G",
    "     100T",
    "    1500T",
  ]);
});
