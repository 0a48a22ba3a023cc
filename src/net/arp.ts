/**
 * ARP for IPv4 over Ethernet (RFC 826), with its Ethernet header.
 *
 *    0 destination MAC      6 source MAC          12 EtherType 0x0806
 *   14 hardware type 1     16 protocol 0x0800     18 sizes 6, 4   20 operation
 *   22 sender MAC          28 sender address
 *   32 target MAC          38 target address
 */
import { err, ok, type Result } from "../lib/result.ts";

export const ARP_FRAME_BYTES = 42;
export const ETHERTYPE_ARP = 0x0806;
export const arpOperation = { request: 1, reply: 2 } as const;

const BROADCAST = Uint8Array.of(255, 255, 255, 255, 255, 255);
const NO_MAC = new Uint8Array(6);
const NO_ADDRESS = new Uint8Array(4);

export interface ArpFrame {
  readonly destination: Uint8Array;
  readonly source: Uint8Array;
  readonly operation: number;
  readonly senderMac: Uint8Array;
  readonly senderAddress: Uint8Array;
  readonly targetMac: Uint8Array;
  readonly targetAddress: Uint8Array;
}

export type ArpReason = "arp_short" | "arp_ethertype" | "arp_hardware" | "arp_protocol" | "arp_sizes";

/** Writes the frame at bytes[0]; answers its length. */
export function encodeArp(bytes: Uint8Array, frame: ArpFrame): number {
  bytes.set(frame.destination, 0);
  bytes.set(frame.source, 6);
  bytes.set([0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, frame.operation], 12);
  bytes.set(frame.senderMac, 22);
  bytes.set(frame.senderAddress, 28);
  bytes.set(frame.targetMac, 32);
  bytes.set(frame.targetAddress, 38);
  return ARP_FRAME_BYTES;
}

/** Reads a frame; the fields are views. Padding after it is normal: Ethernet frames have at least 60 bytes. */
export function decodeArp(bytes: Uint8Array, length: number): Result<ArpFrame, ArpReason> {
  if (length < ARP_FRAME_BYTES) return err("arp_short");
  if (bytes[12] * 256 + bytes[13] !== ETHERTYPE_ARP) return err("arp_ethertype");
  if (bytes[14] !== 0 || bytes[15] !== 1) return err("arp_hardware");
  if (bytes[16] !== 0x08 || bytes[17] !== 0) return err("arp_protocol");
  if (bytes[18] !== 6 || bytes[19] !== 4) return err("arp_sizes");
  return ok({
    destination: bytes.subarray(0, 6),
    source: bytes.subarray(6, 12),
    operation: bytes[20] * 256 + bytes[21],
    senderMac: bytes.subarray(22, 28),
    senderAddress: bytes.subarray(28, 32),
    targetMac: bytes.subarray(32, 38),
    targetAddress: bytes.subarray(38, 42),
  });
}

/**
 * A gratuitous ARP: a broadcast request in which `mac` tells everybody that `address` is here (RFC 5227 §3,
 * keepalived vrrp_arp.c). The target MAC is "ignored" in a request and zero, as hosts send it.
 */
export function gratuitousArp(mac: Uint8Array, address: Uint8Array): ArpFrame {
  return {
    destination: BROADCAST,
    source: mac,
    operation: arpOperation.request,
    senderMac: mac,
    senderAddress: address,
    targetMac: NO_MAC,
    targetAddress: address,
  };
}

/** A probe (RFC 5227 §2.1.1): asks who has `address` without claiming it; whoever has it answers to `mac`. */
export function arpProbe(mac: Uint8Array, address: Uint8Array): ArpFrame {
  return { ...gratuitousArp(mac, address), senderAddress: NO_ADDRESS };
}
