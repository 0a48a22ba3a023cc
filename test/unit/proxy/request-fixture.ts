/** A request as the rules see it, from its text. */
import { defaultHeadLimits, MessageHead } from "../../../src/http/head.ts";
import { parseRequestHead } from "../../../src/http/request-parser.ts";
import { parseIp } from "../../../src/lib/ip.ts";
import { RequestContext, writeAddress } from "../../../src/proxy/request-context.ts";

/** "GET /a?b HTTP/1.1\nHost: x": line ends become CRLF and the empty line is added. */
export function requestContext(text: string): RequestContext {
  const context = new RequestContext();
  context.buf = new TextEncoder().encode(`${text.replaceAll("\n", "\r\n")}\r\n\r\n`);
  context.head = new MessageHead();
  const end = parseRequestHead(context.buf, 0, context.buf.length, context.head, defaultHeadLimits);
  if (end !== context.buf.length) throw new Error(`fixture: the parser answered ${end} for ${JSON.stringify(text)}`);
  return context;
}

export function setSource(context: RequestContext, address: string): void {
  const ip = parseIp(address);
  if (ip === null) throw new Error(`fixture: ${address} is not an address`);
  writeAddress(context.source, ip.bytes, 0, ip.bytes.length);
  context.sourceFamily = ip.family;
}
