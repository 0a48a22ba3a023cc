/**
 * The kernel's connections: /proc/net/ip_vs_conn (net/netfilter/ipvs/ip_vs_conn.c, ip_vs_conn_seq_show) read, and
 * printed as `ipvsadm -L -n -c` does.
 *
 *   Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData
 *   TCP C0A80001 C350 C0A8000A 0050 C0A80066 0050 ESTABLISHED     899
 *
 * Addresses are hexadecimal for IPv4 and in brackets for IPv6, ports hexadecimal, times in seconds.
 */
import { formatIp, parseIp } from "../lib/ip.ts";
import { endpointText, type DestinationId } from "./model.ts";

export interface Connection {
  /** "TCP", "UDP", "SCTP", "IP" */
  readonly protocol: string;
  readonly client: DestinationId;
  readonly virtual: DestinationId;
  readonly destination: DestinationId;
  readonly state: string;
  readonly expiresSeconds: number;
}

/** Lines that are not connections (the head) are skipped. `countMax`: the rest of the file is not read. */
export function parseConnections(text: string, countMax: number): readonly Connection[] {
  const connections: Connection[] = [];
  for (const line of text.split("\n")) {
    if (connections.length >= countMax) break;
    const connection = parseConnection(line);
    if (connection !== null) connections.push(connection);
  }
  return connections;
}

function parseConnection(line: string): Connection | null {
  const [
    protocol = "",
    from = "",
    fromPort = "",
    to = "",
    toPort = "",
    dest = "",
    destPort = "",
    state = "",
    expires = "",
  ] = line.trim().split(/\s+/);
  const client = endpointOf(from, fromPort);
  const virtual = endpointOf(to, toPort);
  const destination = endpointOf(dest, destPort);
  if (client === null || virtual === null || destination === null || !/^\d+$/.test(expires)) return null;
  return { protocol, client, virtual, destination, state, expiresSeconds: Number(expires) };
}

function endpointOf(address: string, port: string): DestinationId | null {
  if (!/^[0-9A-F]{4}$/i.test(port)) return null;
  const number = Number.parseInt(port, 16);
  if (/^[0-9A-F]{8}$/i.test(address)) {
    return { family: 4, address: formatIp({ family: 4, bytes: Uint8Array.fromHex(address) }), port: number };
  }
  const parsed = parseIp(address.replace(/^\[|\]$/g, ""));
  return parsed === null ? null : { family: parsed.family, address: formatIp(parsed), port: number };
}

/** Lines with their line ends. */
export function printConnections(connections: readonly Connection[]): string {
  const head = `pro expire ${"state".padEnd(11)} ${"source".padEnd(18)} ${"virtual".padEnd(18)} destination`;
  const lines = connections.map(
    ({ protocol, client, virtual, destination, state, expiresSeconds }) =>
      `${protocol.padEnd(3)} ${clock(expiresSeconds).padEnd(6)} ${state.padEnd(11)} ` +
      `${endpointText(client).padEnd(18)} ${endpointText(virtual).padEnd(18)} ${endpointText(destination)}`,
  );
  return ["IPVS connection entries", head, ...lines].map((line) => `${line}\n`).join("");
}

function clock(seconds: number): string {
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${two(Math.floor(seconds / 60))}:${two(seconds % 60)}`;
}
