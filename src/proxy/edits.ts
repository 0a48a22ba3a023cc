/**
 * Header edits of rules as precompiled bytes, in the order in which the rules fired.
 * `set` removes what was received under that name and adds one line, `add` adds a line, `del` removes.
 * A later `set` or `del` also removes what an earlier edit of the same request added.
 */
import { equalsIgnoreCase, FIELD_VALUE, TOKEN } from "../http/ascii.ts";
import { assert } from "../lib/result.ts";
import { textBytes } from "./condition-text.ts";

export interface HeaderEdit {
  /** In lower case. */
  readonly name: Uint8Array;
  /** Whether fields of that name received or added before go away. */
  readonly removes: boolean;
  /** `Name: value\r\n`, or null: nothing is added. */
  readonly line: Uint8Array | null;
}

/** The columns of src/http's MessageHead that edits touch. */
export interface EditableHead {
  readonly headerCount: number;
  readonly nameStart: Int32Array;
  readonly nameEnd: Int32Array;
  /** 1: the field is not forwarded. */
  readonly drop: Uint8Array;
}

/** Message framing is the writer's own: an edit of these would let two parsers disagree about where a message ends. */
const FRAMING = new Set(["connection", "content-length", "transfer-encoding", "upgrade", "te", "trailer"]);

function consistsOf(bytes: Uint8Array, table: Uint8Array): boolean {
  return bytes.every((byte) => table[byte] === 1);
}

function edit(name: string, removes: boolean, value: string | null): HeaderEdit {
  const lower = textBytes(name.toLowerCase());
  assert(name !== "" && consistsOf(lower, TOKEN), `rules: "${name}" is not the name of a header`);
  assert(!FRAMING.has(name.toLowerCase()), `rules: ${name} belongs to the framing of messages and cannot be edited`);
  if (value === null) return { name: lower, removes, line: null };
  assert(consistsOf(textBytes(value), FIELD_VALUE), `rules: the value of ${name} has a control character`);
  return { name: lower, removes, line: textBytes(`${name}: ${value}\r\n`) };
}

export function setEdit(name: string, value: string): HeaderEdit {
  return edit(name, true, value);
}

export function addEdit(name: string, value: string): HeaderEdit {
  return edit(name, false, value);
}

export function delEdit(name: string): HeaderEdit {
  return edit(name, true, null);
}

/** The edits of one request: an array that is reused, and how much of it counts. */
export class EditList {
  private readonly edits: HeaderEdit[] = [];
  count = 0;

  clear(): void {
    this.count = 0;
  }

  push(headerEdit: HeaderEdit): void {
    this.edits[this.count++] = headerEdit;
  }

  /** Marks the received fields that `set` and `del` remove. */
  markDropped(buf: Uint8Array, head: EditableHead): void {
    for (let i = 0; i < this.count; i++) {
      const { name, removes } = this.edits[i];
      if (!removes) continue;
      for (let h = 0; h < head.headerCount; h++) {
        if (equalsIgnoreCase(buf, head.nameStart[h], head.nameEnd[h], name)) head.drop[h] = 1;
      }
    }
  }

  /** Writes the added lines to target[at …); the new offset, or -1 when they would pass `limit`. */
  writeLines(target: Uint8Array, at: number, limit: number): number {
    let offset = at;
    for (let i = 0; i < this.count; i++) {
      const { line } = this.edits[i];
      if (line === null || this.isRemovedLater(i)) continue;
      if (offset + line.length > limit) return -1;
      target.set(line, offset);
      offset += line.length;
    }
    return offset;
  }

  /** Whether a line is added under this name (lower case), so that the writer leaves its own out (Host). */
  adds(name: Uint8Array): boolean {
    for (let i = 0; i < this.count; i++) {
      const headerEdit = this.edits[i];
      if (headerEdit.line !== null && sameBytes(headerEdit.name, name) && !this.isRemovedLater(i)) return true;
    }
    return false;
  }

  private isRemovedLater(index: number): boolean {
    const { name } = this.edits[index];
    for (let i = index + 1; i < this.count; i++) {
      if (this.edits[i].removes && sameBytes(this.edits[i].name, name)) return true;
    }
    return false;
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
