/**
 * DNS messages (RFC 1035, section 4), as far as a health check needs them: one question out, the head of the answer in.
 *
 *   0 id   2 flags (QR 15, RD 8, RCODE 3–0)   4 questions   6 answers   8 authority   10 additional   12 question …
 */
import { err, ok, type Result } from "../lib/result.ts";

const HEADER_BYTES = 12;
const FLAG_RESPONSE = 0x8000;
const FLAG_RECURSION = 0x0100;
const RCODE_MASK = 0xf;
const CLASS_IN = 1;
const LABEL_BYTES_MAX = 63;
const NAME_BYTES_MAX = 255;

/** RFC 1035, section 3.2.2; AAAA: RFC 3596. */
export const dnsType = { A: 1, NS: 2, CNAME: 5, SOA: 6, MX: 15, TXT: 16, AAAA: 28 } as const;
export type DnsType = keyof typeof dnsType;

/** RFC 1035, section 4.1.1. */
const rcodes: Readonly<Record<number, string>> = {
  0: "NOERROR",
  1: "FORMERR",
  2: "SERVFAIL",
  3: "NXDOMAIN",
  4: "NOTIMP",
  5: "REFUSED",
};

/** Whether a text can be asked for: labels of letters, digits, hyphens and underscores; "." is the root. */
export function isDnsName(name: string): boolean {
  if (name === ".") return true;
  const labels = name.replace(/\.$/, "").split(".");
  const fits = labels.every((label) => label.length <= LABEL_BYTES_MAX && /^[A-Za-z0-9_-]+$/.test(label));
  return fits && name.length < NAME_BYTES_MAX;
}

/** A question with recursion desired. `name`: as `isDnsName` takes it. */
export function encodeDnsQuery(id: number, name: string, type: DnsType): Uint8Array {
  const labels = name === "." ? [] : name.replace(/\.$/, "").split(".");
  const encoded = labels.flatMap((label) => [label.length, ...new TextEncoder().encode(label)]);
  const bytes = new Uint8Array(HEADER_BYTES + encoded.length + 5);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, id);
  view.setUint16(2, FLAG_RECURSION);
  view.setUint16(4, 1);
  bytes.set(encoded, HEADER_BYTES);
  view.setUint16(bytes.length - 4, dnsType[type]);
  view.setUint16(bytes.length - 2, CLASS_IN);
  return bytes;
}

export type DnsReason = "dns_short" | "dns_no_response" | "dns_other_id";

/** The response code of an answer to question `id`, as its name. */
export function decodeDnsAnswer(bytes: Uint8Array, length: number, id: number): Result<string, DnsReason> {
  if (length < HEADER_BYTES) return err("dns_short");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint16(0) !== id) return err("dns_other_id");
  const flags = view.getUint16(2);
  if ((flags & FLAG_RESPONSE) === 0) return err("dns_no_response");
  const code = flags & RCODE_MASK;
  return ok(rcodes[code] ?? `RCODE ${code}`);
}
