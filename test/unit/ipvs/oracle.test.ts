/** Ballast against ipvsadm and a real kernel: every command byte for byte, every answer read, every listing printed. */
import { expect, test } from "bun:test";
import { commandAttribute, ipvsCommand } from "../../../src/ipvs/constants.ts";
import { domainServiceId } from "../../../src/ipvs/convert.ts";
import { printListing } from "../../../src/ipvs/listing.ts";
import { encodeCommand, encodeQuestion, readDaemon, readDestination } from "../../../src/ipvs/messages.ts";
import { readInfo, readService, readTimeouts } from "../../../src/ipvs/messages.ts";
import { type DestinationState, type KernelInfo, serviceKey, type ServiceState } from "../../../src/ipvs/model.ts";
import { parseRule } from "../../../src/ipvs/rule-parse.ts";
import { printRules } from "../../../src/ipvs/rule-print.ts";
import { decodeServiceId, nested } from "../../../src/ipvs/wire.ts";
import { MessageWriter } from "../../../src/netlink/codec.ts";
import { decodeGeneric, type GenericMessage } from "../../../src/netlink/generic.ts";
import { allCaptures, type Capture, genericOf } from "./captures.ts";

const captures = allCaptures();

/** ipvsadm leaves bytes of the service's IPv6 address behind this server's IPv4 address; the kernel does not read them. */
const LEFTOVER = "-a -t [2001:db8::10]:80 -r 198.51.100.1:80 -i";

/** Commands that change the table; the message before the last is ipvsadm's look at the kernel's version. */
const changes = captures.filter(({ command }) => parseRule(command).ok && !command.includes(LEFTOVER));

function written(write: (writer: MessageWriter) => void): string {
  const bytes = new Uint8Array(1024);
  const writer = new MessageWriter(bytes);
  write(writer);
  return bytes.slice(0, writer.length).toHex();
}

test("the captures have commands of every kind", () => {
  const kinds = new Set(
    changes.flatMap(({ command }) => (parseRule(command) as { value: { kind: string } }).value.kind),
  );
  expect([...kinds].sort()).toEqual([
    "add_destination",
    "add_service",
    "delete_destination",
    "delete_service",
    "edit_destination",
    "edit_service",
    "flush",
    "set_timeouts",
    "start_daemon",
    "stop_daemon",
    "zero",
  ]);
  expect(changes.length).toBeGreaterThan(100);
});

test.each(changes.map((capture) => [capture.file, capture.command, capture] as const))(
  "encodeCommand writes what ipvsadm sends: %s %s",
  (_file, command, capture) => {
    const parsed = parseRule(command);
    const sent = capture.messages.findLast((message) => message.sent);
    if (!parsed.ok || sent === undefined) throw new Error("no message was captured");
    const { type, flags } = sent.header;
    expect(written((writer) => encodeCommand(writer, type, flags, 0, parsed.value))).toBe(sent.bytes.toHex());
  },
);

interface Table {
  readonly info: KernelInfo;
  readonly services: readonly ServiceState[];
}

/** What the kernel answered, read with Ballast's decoders. */
function tableOf(capture: Capture): Table {
  let info: KernelInfo = { version: "", tableSize: 0 };
  const services = new Map<string, ServiceState & { destinations: DestinationState[] }>();
  let current: string | null = null;
  for (const message of capture.messages) {
    const generic = genericOf(message);
    if (generic === null) continue;
    if (message.sent) {
      const id = nested(generic.attributes, commandAttribute.service);
      if (id === null || !id.ok || generic.command !== ipvsCommand.getDestination) continue;
      const wire = decodeServiceId(id.value);
      const name = wire.ok ? domainServiceId(wire.value) : null;
      current = name === null ? null : serviceKey(name);
      continue;
    }
    if (generic.command === ipvsCommand.setInfo) info = readInfo(generic);
    const service = readService(generic);
    if (generic.command === ipvsCommand.newService && service.ok && service.value !== null) {
      const state = { ...service.value.service, stats: service.value.stats, destinations: [] };
      services.set(serviceKey(state.id), state);
    }
    const owner = current === null ? undefined : services.get(current);
    const destination = readDestination(generic, owner?.id.family ?? 4);
    if (generic.command === ipvsCommand.newDestination && destination.ok && destination.value !== null) {
      owner?.destinations.push(destination.value);
    }
  }
  return { info, services: [...services.values()] };
}

/** Whole tables only: with a service named, ipvsadm prints that one. */
const listings = captures.filter(({ command, code }) => /-L -n(?: --stats| --rate)?$/.test(command) && code === 0);

test.each(listings.map((capture) => [capture.file, capture.command, capture] as const))(
  "printListing prints what ipvsadm prints: %s %s",
  (_file, command, capture) => {
    const kind = command.includes("--stats") ? "stats" : command.includes("--rate") ? "rate" : "state";
    const { info, services } = tableOf(capture);
    expect(printListing(info, services, kind)).toBe(capture.stdout);
  },
);

const saves = captures.filter(({ command, code }) => command.endsWith(" -S -n") && code === 0);

test.each(saves.map((capture) => [capture.file, capture.command, capture] as const))(
  "printRules writes what ipvsadm-save writes, thresholds apart: %s %s",
  (_file, _command, capture) => {
    const printed = printRules(tableOf(capture).services);
    expect(printed.replaceAll(/ -[xy] \d+/g, "")).toBe(capture.stdout);
  },
);

test("there are listings and saves to compare with", () => {
  expect([listings.length > 10, saves.length > 5]).toEqual([true, true]);
});

test("readTimeouts and readDaemon read what ipvsadm prints", () => {
  const shown = captures.filter(({ command }) => /-L --(?:timeout|daemon)$/.test(command));
  expect(shown.length).toBeGreaterThan(5);
  for (const capture of shown) {
    const lines = capture.messages.flatMap((message) => {
      const generic = message.sent ? null : genericOf(message);
      if (generic?.command === ipvsCommand.setConfig) {
        const { tcpSeconds, tcpFinSeconds, udpSeconds } = readTimeouts(generic);
        return [`Timeout (tcp tcpfin udp): ${tcpSeconds} ${tcpFinSeconds} ${udpSeconds}\n`];
      }
      const daemon = generic?.command === ipvsCommand.newDaemon ? readDaemon(generic) : null;
      if (daemon === null || !daemon.ok || daemon.value === null) return [];
      const { role, interface: name, syncId, maxBytes, group, port, ttl } = daemon.value;
      const details = `mcast=${name}, syncid=${syncId}, maxlen=${maxBytes}, group=${group}, port=${port}, ttl=${ttl}`;
      return [`${role} sync daemon (${details})\n`];
    });
    expect(lines.join("")).toBe(capture.stdout);
  }
});

test("encodeQuestion asks as ipvsadm asks", () => {
  const capture = listings.find(({ file }) => file === "destinations.txt");
  const asked = (capture?.messages ?? []).filter((message) => message.sent);
  const [first] = asked;
  if (first === undefined) throw new Error("no listing was captured");
  const { type } = first.header;
  const bytesOf = (command: number): readonly string[] =>
    asked.flatMap((message) => (genericOf(message)?.command === command ? [message.bytes.toHex()] : []));
  const flagsOf = (command: number): number =>
    asked.find((message) => genericOf(message)?.command === command)?.header.flags ?? 0;
  const info = written((writer) => encodeQuestion(writer, type, flagsOf(ipvsCommand.getInfo), 0, { kind: "info" }));
  expect(bytesOf(ipvsCommand.getInfo)).toContain(info);
  const dump = flagsOf(ipvsCommand.getService);
  expect(bytesOf(ipvsCommand.getService)).toContain(
    written((writer) => encodeQuestion(writer, type, dump, 0, { kind: "services" })),
  );
  for (const { id } of tableOf(capture!).services) {
    const question = { kind: "destinations", id } as const;
    expect(bytesOf(ipvsCommand.getDestination)).toContain(
      written((writer) => encodeQuestion(writer, type, dump, 0, question)),
    );
  }
});

test("the decoders refuse every truncation and every flipped byte of an answer instead of throwing", () => {
  const answers = captures.flatMap(({ messages }) => messages.filter((message) => !message.sent));
  expect(answers.length).toBeGreaterThan(100);
  const readers = [readService, readDaemon, (message: GenericMessage) => readDestination(message, 4)];
  for (const { bytes, header } of answers.slice(0, 400)) {
    for (let end = header.payloadStart; end <= header.payloadEnd; end += 3) {
      const copy = bytes.slice();
      copy[end % copy.length] ^= 0xff;
      const decoded = decodeGeneric(copy, { ...header, payloadEnd: end });
      if (!decoded.ok) continue;
      for (const read of readers) expect(typeof read(decoded.value).ok).toBe("boolean");
    }
  }
});
