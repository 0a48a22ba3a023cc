/**
 * A flood of VRRP packets for tests: VRRP's protocol number, otherwise nonsense, to the usual group on eth0.
 *
 *   bun test/support/vrrp-flood.ts 4|6
 *
 * Prints how many were sent, every thousand; ends after a million.
 */
import { addressBytes } from "../../src/net/address.ts";
import { encodePacket, PACKET_BYTES_MAX } from "../../src/vrrp/packet.ts";
import { interfaceIndex } from "../../src/sys/interface.ts";
import { pinned } from "../../src/sys/memory.ts";
import { openRawSocket } from "../../src/sys/raw-socket.ts";
import { openRaw6Socket, sendFrom6 } from "../../src/sys/raw6-socket.ts";
import { sendto } from "../../src/sys/socket.ts";

const PACKETS_MAX = 1_000_000;
const memory = pinned(PACKET_BYTES_MAX);
const common = {
  protocol: 112,
  interfaceName: "eth0",
  interfaceIndex: interfaceIndex("eth0"),
  groups: [],
  receiveBufferBytes: 4096,
};

const send = process.argv[2] === "6" ? flood6() : flood4();
for (let count = 1; count <= PACKETS_MAX; count++) {
  send();
  if (count % 1000 !== 0) continue;
  process.stdout.write(`${count}\n`);
  await Bun.sleep(1);
}

function flood4(): () => void {
  const ends = { source: addressBytes("192.0.2.99"), destination: addressBytes("224.0.0.18") };
  const advert = {
    version: 3,
    virtualRouterId: 99,
    priority: 1,
    intervalMs: 1000,
    addressBytes: 4,
    addresses: addressBytes("192.0.2.10"),
    auth: null,
  } as const;
  const length = encodePacket(memory.bytes, advert, ends, null);
  const fd = openRawSocket(common);
  const target = { kind: "inet", family: 4, host: "224.0.0.18", port: 0 } as const;
  return () => void sendto(fd, memory.address, length, 0, target);
}

function flood6(): () => void {
  const fd = openRaw6Socket({ ...common, hopLimit: 255, trafficClass: 0 });
  const [source, group] = [addressBytes("fe80::99"), addressBytes("ff02::12")];
  return () => void sendFrom6(fd, memory.address, 24, common.interfaceIndex, source, group);
}
