import { describe, expect, test } from "bun:test";
import { ChunkedDecoder, chunkedOutput, LAST_CHUNK } from "../../../src/http/chunked.ts";
import { reject } from "../../../src/http/reject.ts";
import { IN, latin1, newArena, randomCuts, seeded, textOf } from "./material.ts";

const buf = newArena();

interface Decoded {
  readonly code: number;
  readonly text: string;
  readonly done: boolean;
  /** Bytes after the body. */
  readonly rest: string;
}

function decode(text: string, output: number, cuts: readonly number[] = [text.length]): Decoded {
  const decoder = new ChunkedDecoder(3);
  decoder.open(1);
  const bytes = latin1(text);
  let out = "";
  let from = 0;
  for (const cut of cuts) {
    buf.fill(0xee, IN, IN + cut - from + 8);
    buf.set(bytes.subarray(from, cut), IN);
    const end = IN + cut - from;
    const stop = decoder.feed(1, buf, IN, end, output);
    expect(buf[end]).toBe(0xee);
    if (stop < 0) return { code: -stop, text: out, done: false, rest: "" };
    out += textOf(buf, IN, decoder.outEnd);
    if (decoder.owesLastChunk) out += textOf(LAST_CHUNK, 0, LAST_CHUNK.length);
    if (decoder.done) return { code: 0, text: out, done: true, rest: text.slice(from + stop - IN) };
    expect(stop).toBe(end);
    from = cut;
  }
  return { code: 0, text: out, done: false, rest: "" };
}

const { chunks, data } = chunkedOutput;

describe("ChunkedDecoder", () => {
  test("leaves a canonical body as it was received", () => {
    const text = "5\r\nhello\r\nA\r\n0123456789\r\n0\r\n\r\n";
    expect(decode(`${text}GET`, chunks)).toEqual({ code: 0, text, done: true, rest: "GET" });
    expect(decode(text, data)).toEqual({ code: 0, text: "hello0123456789", done: true, rest: "" });
  });

  test("takes out extensions, padding and trailers, and keeps the chunks", () => {
    const text = '0005;a=b\r\nhello\r\n1;x="\\"q;";y\r\n!\r\n000;end\r\nX-T: 1\r\nY:\r\n\r\n';
    const canonical = "5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n";
    expect(decode(text, chunks)).toEqual({ code: 0, text: canonical, done: true, rest: "" });
    expect(decode(text, data).text).toBe("hello!");
  });

  test("writes nothing of the last chunk before the body is complete and valid", () => {
    expect(decode("1\r\na\r\n0\r\n", chunks)).toEqual({ code: 0, text: "1\r\na\r\n", done: false, rest: "" });
    expect(decode("1\r\na\r\n0\r\nBad Name: x\r\n\r\n", chunks, [9, 25])).toEqual({
      code: reject.trailer,
      text: "1\r\na\r\n",
      done: false,
      rest: "",
    });
  });

  test("owes the last chunk when its bytes came in pieces", () => {
    const text = "1\r\na\r\n0\r\n\r\n";
    const single = Array.from(text, (_, i) => i + 1);
    expect(decode(text, chunks, single)).toEqual({ code: 0, text, done: true, rest: "" });
  });

  test.each([
    ["5 \r\n", reject.chunkSize],
    ["\r\n", reject.chunkSize],
    ["0x5\r\n", reject.chunkSize],
    ["5\n", reject.chunkSize],
    ["5\rX", reject.chunkSize],
    ["20000000000000\r\n", reject.chunkSize],
    ["00000000000000005\r\n", reject.chunkSize],
    ["5;\r\n", reject.chunkExtension],
    ["5;a\nb", reject.chunkExtension],
    ['5;a="\r\n', reject.chunkExtension],
    ["1\r\nab", reject.chunkEnd],
    ["1\r\na\n", reject.chunkEnd],
    ["1\r\na\rX", reject.chunkEnd],
    ["0\r\n folded", reject.trailer],
    ["0\r\nNo colon\r\n", reject.trailer],
    ["0\r\nX: a\nb", reject.trailer],
    ["0\r\n\rX", reject.trailer],
  ])("refuses %j", (text, code) => {
    expect(decode(text, chunks).code).toBe(code);
    expect(
      decode(
        text,
        data,
        Array.from(text, (_, i) => i + 1),
      ).code,
    ).toBe(code);
  });

  test("reads the largest exact size and not one more", () => {
    expect(decode("1FFFFFFFFFFFFF\r\nabc", chunks)).toMatchObject({ code: 0, text: "1FFFFFFFFFFFFF\r\nabc" });
    expect(decode("0020000000000000\r\n", chunks).code).toBe(reject.chunkSize);
  });

  test("bounds extensions by the data and trailers by their bytes", () => {
    const signed = `400;chunk-signature=${"f".repeat(64)}\r\n${"d".repeat(1024)}\r\n`;
    expect(decode(`${signed.repeat(200)}0\r\n\r\n`, data).text.length).toBe(200 * 1024);
    const drip = `1;${"a".repeat(100)}\r\nx\r\n`;
    expect(decode(`${drip.repeat(200)}0\r\n\r\n`, chunks).code).toBe(reject.chunkOverhead);
    expect(decode(`5;${"a".repeat(20_000)}`, chunks).code).toBe(reject.chunkOverhead);
    expect(decode(`0\r\nX: ${"a".repeat(9000)}`, chunks).code).toBe(reject.trailersTooLarge);
    expect(decode(`0\r\n${"X: y\r\n".repeat(1400)}\r\n`, chunks).code).toBe(reject.trailersTooLarge);
  });

  test("stays ended after the end and after a refusal", () => {
    const decoder = new ChunkedDecoder(1);
    const feed = (text: string) => {
      buf.set(latin1(text), IN);
      return decoder.feed(0, buf, IN, IN + text.length, chunks);
    };
    expect(feed("5\r\n")).toBe(IN);
    decoder.open(0);
    expect(feed("0\r\n\r\nG")).toBe(IN + 5);
    expect(feed("5\r\nhello")).toBe(IN);
    decoder.open(0);
    expect(feed("G")).toBe(-reject.chunkSize);
    expect(feed("5\r\nhello")).toBe(IN);
    expect(decoder.outEnd).toBe(IN);
  });

  test("keeps bodies of several slots apart", () => {
    const decoder = new ChunkedDecoder(2);
    decoder.open(0);
    decoder.open(1);
    const feed = (slot: number, text: string) => {
      buf.set(latin1(text), IN);
      expect(decoder.feed(slot, buf, IN, IN + text.length, data)).toBe(IN + text.length);
      return textOf(buf, IN, decoder.outEnd);
    };
    expect(feed(0, "3\r\na")).toBe("a");
    expect(feed(1, "1\r\nX\r\n2")).toBe("X");
    expect(feed(0, "bc\r\n0\r\n\r\n")).toBe("bc");
    expect(decoder.done).toBe(true);
    expect(feed(1, "\r\nYZ\r\n")).toBe("YZ");
    expect(decoder.done).toBe(false);
  });

  test("gives the same body for every cut of seeded bodies", () => {
    const random = seeded(20_240_607);
    for (let round = 0; round < 400; round++) {
      let text = "";
      let canonical = "";
      let payload = "";
      const count = random(6);
      for (let i = 0; i < count; i++) {
        const body = Array.from({ length: 1 + random(40) }, () => String.fromCharCode(random(256))).join("");
        const size = random(2) === 0 ? body.length.toString(16) : body.length.toString(16).toUpperCase();
        const extension = random(3) === 0 ? ';n=v;q="a\\"b"' : "";
        text += `${"0".repeat(random(3))}${size}${extension}\r\n${body}\r\n`;
        canonical += `${size}\r\n${body}\r\n`;
        payload += body;
      }
      text += `${"0".repeat(1 + random(3))}\r\n${random(2) === 0 ? "T: v\r\n" : ""}\r\n`;
      const cuts = randomCuts(text.length, random);
      expect(decode(text, chunks, cuts)).toEqual({ code: 0, text: `${canonical}0\r\n\r\n`, done: true, rest: "" });
      expect(decode(text, data, cuts).text).toBe(payload);
    }
  });
});
