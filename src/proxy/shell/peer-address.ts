/** The client's address, from the socket address that accept4 left, into the columns. */
import { formatIp } from "../../lib/ip.ts";
import { AF } from "../../sys/abi.ts";
import { type ConnTable, PEER_TEXT_BYTES } from "../conn-table.ts";

const DOT = 0x2e;
const ZERO = 0x30;

/** `sockaddr`: struct sockaddr_in, sockaddr_in6 or sockaddr_un. IPv4-mapped addresses become IPv4. Family 0: Unix. */
export function rememberPeer(t: ConnTable, client: number, sockaddr: Uint8Array): void {
  const at = client * 16;
  const family = sockaddr[0] | (sockaddr[1] << 8);
  t.peerPort[client] = (sockaddr[2] << 8) | sockaddr[3];
  if (family === AF.INET) {
    t.peerFamily[client] = 4;
    for (let i = 0; i < 4; i++) t.peerAddress[at + i] = sockaddr[4 + i];
  } else if (family === AF.INET6) {
    const mapped = isMapped(sockaddr);
    t.peerFamily[client] = mapped ? 4 : 6;
    const from = mapped ? 20 : 8;
    for (let i = 0; i < (mapped ? 4 : 16); i++) t.peerAddress[at + i] = sockaddr[from + i];
  } else {
    t.peerFamily[client] = 0;
    t.peerPort[client] = 0;
    for (let i = 0; i < 16; i++) t.peerAddress[at + i] = 0;
  }
  writeText(t, client);
}

/** Writes the address as text: IPv4 digit by digit, since every connection pays for it. */
function writeText(t: ConnTable, client: number): void {
  const at = client * PEER_TEXT_BYTES;
  const from = client * 16;
  if (t.peerFamily[client] === 4) {
    let out = at;
    for (let i = 0; i < 4; i++) {
      const octet = t.peerAddress[from + i];
      if (i > 0) t.peerText[out++] = DOT;
      if (octet >= 100) t.peerText[out++] = ZERO + Math.floor(octet / 100);
      if (octet >= 10) t.peerText[out++] = ZERO + (Math.floor(octet / 10) % 10);
      t.peerText[out++] = ZERO + (octet % 10);
    }
    t.peerTextLength[client] = out - at;
    return;
  }
  const text =
    t.peerFamily[client] === 6 ? formatIp({ family: 6, bytes: t.peerAddress.slice(from, from + 16) }) : "unix";
  for (let i = 0; i < text.length; i++) t.peerText[at + i] = text.charCodeAt(i);
  t.peerTextLength[client] = text.length;
}

function isMapped(sockaddr: Uint8Array): boolean {
  for (let i = 8; i < 18; i++) if (sockaddr[i] !== 0) return false;
  return sockaddr[18] === 255 && sockaddr[19] === 255;
}
