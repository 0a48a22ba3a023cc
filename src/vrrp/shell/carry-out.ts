/** Carries out the will of a dead speaker: sends its prepared packets, takes its VIPs away. It waits for nothing. */
import type { VrrpWill } from "../../ipc/messages.ts";
import { addressBytes } from "../../net/address.ts";
import { MessageWriter } from "../../netlink/codec.ts";
import { encodeAddress } from "../../netlink/codec-route.ts";
import { SysError } from "../../sys/errno.ts";
import { interfaceIndex } from "../../sys/interface.ts";
import { pinned } from "../../sys/memory.ts";
import { openNetlink, sendToKernel } from "../../sys/netlink-socket.ts";
import { openRaw6Socket, sendFrom6 } from "../../sys/raw6-socket.ts";
import { openRawSocket } from "../../sys/raw-socket.ts";
import { close, sendto } from "../../sys/socket.ts";
import { ADVERT_TOS, ADVERT_TTL, PACKET_BYTES_MAX } from "../packet.ts";
import { VRRP_PROTOCOL } from "../wire.ts";

/** One request at a time: 40 bytes over IPv4, 64 over IPv6. */
const REQUEST_BYTES_MAX = 128;
/** Nothing is read from these sockets. */
const BUFFER_BYTES = 4096;
const packetMemory = pinned(PACKET_BYTES_MAX);
const requestMemory = pinned(REQUEST_BYTES_MAX);

/** The packets first: the other nodes wait for them. Answers what the kernel refused, in words. */
export function carryOut(will: VrrpWill): readonly string[] {
  const refusals: string[] = [];
  const attempt = (run: () => void): void => {
    try {
      run();
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      refusals.push(error.message);
    }
  };
  for (const packet of will.packets) attempt(() => sendPacket(packet));
  if (will.addresses.length > 0) attempt(() => removeAddresses(will.addresses));
  return refusals;
}

function sendPacket(packet: VrrpWill["packets"][number]): void {
  const index = interfaceIndex(packet.interface);
  // The interface has gone with its speaker: there is nobody to tell.
  if (index === 0) return;
  const content = Uint8Array.fromBase64(packet.base64);
  if (content.length > packetMemory.bytes.length) return;
  packetMemory.bytes.set(content);
  const common = { protocol: VRRP_PROTOCOL, interfaceName: packet.interface, interfaceIndex: index, groups: [] };
  const options = { ...common, receiveBufferBytes: BUFFER_BYTES };
  const { length } = content;
  if (packet.family === 4) {
    const fd = openRawSocket(options);
    sendto(fd, packetMemory.address, length, 0, { kind: "inet", family: 4, host: packet.destination, port: 0 });
    close(fd);
    return;
  }
  const fd = openRaw6Socket({ ...options, hopLimit: ADVERT_TTL, trafficClass: ADVERT_TOS });
  const ends = [addressBytes(packet.source), addressBytes(packet.destination)] as const;
  sendFrom6(fd, packetMemory.address, length, index, ...ends);
  close(fd);
}

/** Removal is idempotent; the kernel's answers stay in the socket and go with it. */
function removeAddresses(addresses: VrrpWill["addresses"]): void {
  const { fd } = openNetlink("ROUTE", 0, BUFFER_BYTES, "netlink");
  const writer = new MessageWriter(requestMemory.bytes);
  addresses.forEach(({ interface: name, address, prefixLength }, sequence) => {
    const bytes = addressBytes(address);
    const family = bytes.length === 4 ? 4 : 6;
    const more = { linkIndex: interfaceIndex(name), scope: 0, broadcast: null, label: null };
    writer.reset();
    encodeAddress(writer, "remove", { ...more, family, address: bytes, prefixLength }, sequence + 1);
    if (more.linkIndex !== 0) sendToKernel(fd, requestMemory.address, writer.length);
  });
  close(fd);
}
