/** The captures of test/golden/ipvs, read: what ipvsadm was asked, sent to the kernel, was answered and printed. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { decodeMessages, type Message } from "../../../src/netlink/codec.ts";
import { decodeGeneric, type GenericMessage } from "../../../src/netlink/generic.ts";

const folder = join(import.meta.dir, "../../golden/ipvs");

export interface CapturedMessage {
  readonly sent: boolean;
  readonly bytes: Uint8Array;
  readonly header: Message;
}

export interface Capture {
  readonly file: string;
  /** As typed, with "ipvsadm". */
  readonly command: string;
  readonly messages: readonly CapturedMessage[];
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

export function allCaptures(): readonly Capture[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".txt"))
    .flatMap((name) => capturesOf(name, readFileSync(join(folder, name), "utf8")));
}

function capturesOf(file: string, text: string): readonly Capture[] {
  return text
    .split(/^(?=\$ )/m)
    .slice(1)
    .map((block) => {
      const lines = block.split("\n");
      const of = (sign: string): string =>
        lines.flatMap((line) => (line.startsWith(`${sign} `) || line === sign ? [`${line.slice(2)}\n`] : [])).join("");
      return {
        file,
        command: lines[0].slice(2),
        messages: lines.filter((line) => /^[<>] /.test(line)).flatMap(messagesOf),
        stdout: of("|"),
        stderr: of("!"),
        code: Number(of("=")),
      };
    });
}

function messagesOf(line: string): readonly CapturedMessage[] {
  const bytes = Uint8Array.fromHex(line.slice(2));
  const decoded = decodeMessages(bytes, bytes.length);
  if (!decoded.ok) throw new Error(`${line.slice(0, 60)}: ${decoded.error}`);
  return decoded.value.map((header) => ({ sent: line.startsWith(">"), bytes, header }));
}

/** Null for acknowledgements, errors and the end of a dump. */
export function genericOf({ bytes, header }: CapturedMessage): GenericMessage | null {
  if (header.type < 0x10) return null;
  const decoded = decodeGeneric(bytes, header);
  if (!decoded.ok) throw new Error(decoded.error);
  return decoded.value;
}
