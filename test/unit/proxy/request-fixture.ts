/** A request as the rules see it, from its text: the facts of a parsed head without the parser. */
import { RequestContext, type RequestHead } from "../../../src/proxy/request-context.ts";
import { parseIp } from "../../../src/lib/ip.ts";
import { writeAddress } from "../../../src/proxy/request-context.ts";

export type HeadFixture = RequestHead & { readonly drop: Uint8Array };

/** "GET /a?b HTTP/1.1\nHost: x" with LF line ends and no empty line; header lines are "Name: value". */
export function requestContext(text: string): RequestContext & { head: HeadFixture } {
  const context = new RequestContext();
  const lines = text.split("\n");
  const [method, target, version] = lines[0].split(" ");
  const targetStart = method.length + 1;
  const targetEnd = targetStart + target.length;
  const question = target.indexOf("?");
  const pathEnd = target === "*" ? targetStart : question < 0 ? targetEnd : targetStart + question;
  const head = {
    headerCount: lines.length - 1,
    nameStart: new Int32Array(100),
    nameEnd: new Int32Array(100),
    valueStart: new Int32Array(100),
    valueEnd: new Int32Array(100),
    drop: new Uint8Array(100),
    methodStart: 0,
    methodEnd: method.length,
    targetStart,
    targetEnd,
    pathStart: targetStart,
    pathEnd,
    queryStart: question < 0 ? targetEnd : pathEnd + 1,
    queryEnd: targetEnd,
    hostStart: -1,
    hostEnd: -1,
    minor: version === "HTTP/1.0" ? 0 : 1,
  };
  let at = lines[0].length + 1;
  for (const [i, line] of lines.slice(1).entries()) {
    const colon = line.indexOf(":");
    head.nameStart[i] = at;
    head.nameEnd[i] = at + colon;
    head.valueStart[i] = at + line.length - line.slice(colon + 1).trimStart().length;
    head.valueEnd[i] = at + line.length;
    if (line.slice(0, colon).toLowerCase() === "host") {
      head.hostStart = head.valueStart[i];
      head.hostEnd = head.valueEnd[i];
    }
    at += line.length + 1;
  }
  context.buf = new TextEncoder().encode(text);
  return Object.assign(context, { head });
}

export function setSource(context: RequestContext, address: string): void {
  const ip = parseIp(address);
  if (ip === null) throw new Error(`fixture: ${address} is not an address`);
  writeAddress(context.source, ip.bytes, 0, ip.bytes.length);
  context.sourceFamily = ip.family;
}
