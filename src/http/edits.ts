/**
 * Header rules of one message (haproxy: http-request set-header, add-header, del-header). Names and lines are made
 * ready when the configuration is read; per message only references are collected and columns marked.
 */
import { err, ok, type Result } from "../lib/result.ts";
import { TAB, TOKEN, asciiBytes } from "./ascii.ts";
import { type HeaderName, headerName, nextHeader } from "./find.ts";
import type { MessageHead } from "./head.ts";
import { headerIds } from "./header-names.ts";

/** A whole field line with its CRLF. */
export interface HeaderLine {
  readonly name: HeaderName;
  readonly bytes: Uint8Array;
}

const encoder = new TextEncoder();

/**
 * Makes a line from configured text; characters beyond ASCII are sent as UTF-8.
 * @returns what is wrong, when the name is no token, framing is touched or the value would end the line.
 */
export function headerLine(name: string, value: string): Result<HeaderLine, string> {
  const editable = editableName(name);
  if (!editable.ok) return editable;
  const valueBytes = encoder.encode(value);
  for (const byte of valueBytes) {
    if (byte !== TAB && (byte < 0x20 || byte === 0x7f)) {
      return err(`the value of header "${name}" holds a control character; wanted printable text`);
    }
  }
  const prefix = asciiBytes(`${name}: `);
  const bytes = new Uint8Array(new ArrayBuffer(prefix.length + valueBytes.length + 2));
  bytes.set(prefix);
  bytes.set(valueBytes, prefix.length);
  bytes.set([0x0d, 0x0a], prefix.length + valueBytes.length);
  return ok({ name: editable.value, bytes });
}

/** The name for del_header. Host may be replaced but not removed: HTTP/1.1 servers refuse a request without it. */
export function deletableName(name: string): Result<HeaderName, string> {
  const editable = editableName(name);
  if (editable.ok && editable.value.id === headerIds.host) return err(`header "Host" can be set but not deleted`);
  return editable;
}

/** A name that rules may touch: not one by which this proxy frames messages or runs its connections. */
function editableName(name: string): Result<HeaderName, string> {
  const bytes = asciiBytes(name);
  if (name.length === 0 || !bytes.every((byte, i) => byte === name.charCodeAt(i) && TOKEN[byte] !== 0)) {
    return err(`"${name}" is no header name; wanted letters, digits and !#$%&'*+-.^_\`|~`);
  }
  const known = headerName(name);
  switch (known.id) {
    case headerIds.contentLength:
    case headerIds.transferEncoding:
    case headerIds.connection:
    case headerIds.keepAlive:
    case headerIds.proxyConnection:
    case headerIds.te:
    case headerIds.trailer:
    case headerIds.upgrade:
    case headerIds.http2Settings:
      return err(`header "${name}" belongs to the connection and cannot be changed by a rule`);
    default:
      return ok(known);
  }
}

/**
 * What the rules of one message decided, in rule order. The number of lines is bounded by the number of rules,
 * their bytes by the room the writer is given.
 */
export class HeadEdits {
  readonly lines: HeaderLine[] = [];
  addedBytes = 0;
  /** A rule has set Host: none is generated from the target. */
  replacesHost = false;

  clear(): void {
    // Assigning a length is slow even when it changes nothing, and most messages have no edits.
    if (this.lines.length > 0) this.lines.length = 0;
    this.addedBytes = 0;
    this.replacesHost = false;
  }

  add(line: HeaderLine): void {
    this.lines.push(line);
    this.addedBytes += line.bytes.length;
    if (line.name.id === headerIds.host) this.replacesHost = true;
  }

  /** Removes every field of that name, received or added by an earlier rule, then adds the line. */
  set(buf: Uint8Array, head: MessageHead, line: HeaderLine): void {
    this.delete(buf, head, line.name);
    this.add(line);
  }

  delete(buf: Uint8Array, head: MessageHead, name: HeaderName): void {
    for (let i = nextHeader(buf, head, name, 0); i >= 0; i = nextHeader(buf, head, name, i + 1)) head.drop[i] = 1;
    for (let i = this.lines.length - 1; i >= 0; i--) {
      if (!isSameName(this.lines[i].name, name)) continue;
      this.addedBytes -= this.lines[i].bytes.length;
      this.lines.splice(i, 1);
    }
  }
}

function isSameName(a: HeaderName, b: HeaderName): boolean {
  if (a.id !== b.id || a.bytes.length !== b.bytes.length) return false;
  return a.id !== headerIds.other || a.bytes.every((byte, i) => byte === b.bytes[i]);
}
