/** The closed tables: every row is found by what identifies it, and by nothing else. */
import { describe, expect, test } from "bun:test";
import { answerFor, isAnswerStatus } from "../../../src/http/answers.ts";
import { TARGET, TOKEN } from "../../../src/http/ascii.ts";
import { headerName, nextHeader } from "../../../src/http/find.ts";
import { headerIdOf, headerIds, headerNames } from "../../../src/http/header-names.ts";
import { reject, rejectReason } from "../../../src/http/reject.ts";
import { latin1, newArena, requestOf } from "./material.ts";

describe("header names", () => {
  test("headerIdOf finds every known name in any letter case", () => {
    for (let id = 1; id < headerNames.length; id++) {
      for (const text of [headerNames[id], headerNames[id].toUpperCase()]) {
        const bytes = latin1(`<${text}>`);
        expect([text, headerIdOf(bytes, 1, bytes.length - 1)]).toEqual([text, id]);
      }
    }
  });

  test("headerIdOf answers 0 for names that are nearly known", () => {
    for (const name of headerNames.slice(1)) {
      for (const text of [`${name}s`, `x${name}`, name.replace(/.$/, "_"), name.replace(/-/, "_")]) {
        if ((headerNames as readonly string[]).includes(text)) continue;
        expect([text, headerIdOf(latin1(text), 0, text.length)]).toEqual([text, 0]);
      }
    }
  });

  test("headerIds and headerNames say the same", () => {
    for (const [key, id] of Object.entries(headerIds)) {
      if (key === "other" || key === "lastFraming") continue;
      const dashed = key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`).replace("http2-", "http2-");
      expect<string>(headerNames[id]).toBe(dashed);
    }
  });
});

describe("nextHeader", () => {
  test("walks all fields of a name, known or not", () => {
    const buf = newArena();
    const { head } = requestOf(buf, "GET / HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nCookie: a\r\nx-a: 2\r\ncookie: b\r\n\r\n");
    const places = (text: string) => {
      const name = headerName(text);
      const found: number[] = [];
      for (let i = nextHeader(buf, head, name, 0); i >= 0; i = nextHeader(buf, head, name, i + 1)) found.push(i);
      return found;
    };
    expect(places("COOKIE")).toEqual([2, 4]);
    expect(places("X-a")).toEqual([1, 3]);
    expect(places("X-B")).toEqual([]);
  });
});

describe("reject reasons", () => {
  test("rejectReason finds each code with either sign", () => {
    const codes = Object.values(reject);
    expect(new Set(codes).size).toBe(codes.length);
    for (const code of codes) {
      expect(rejectReason(code).code).toBe(code);
      expect(rejectReason(-code).code).toBe(code);
    }
    expect(new Set(codes.map((code) => rejectReason(code).name)).size).toBe(codes.length);
  });

  test("every status that a reason asks for has its answer", () => {
    for (const code of Object.values(reject)) expect(isAnswerStatus(rejectReason(code).status)).toBe(true);
  });
});

test("byte tables hold exactly what RFC 9110 lists", () => {
  const tokens = [...TOKEN.entries()].filter(([, member]) => member === 1).map(([byte]) => String.fromCharCode(byte));
  expect(tokens.length).toBe(77);
  expect(tokens.filter((character) => !/[A-Za-z0-9]/.test(character)).join("")).toBe("!#$%&'*+-.^_`|~");
  expect([TARGET[0x20], TARGET[0x21], TARGET[0x23], TARGET[0x7e], TARGET[0x7f], TARGET[0xe9]]).toEqual([
    0, 1, 0, 1, 0, 0,
  ]);
});

test("answerFor builds complete messages", () => {
  for (const status of [400, 403, 404, 405, 408, 413, 414, 417, 431, 500, 501, 502, 503, 504, 505] as const) {
    const { bytes, headBytes } = answerFor(status);
    const text = new TextDecoder("latin1").decode(bytes);
    expect(text.startsWith(`HTTP/1.1 ${status} `)).toBe(true);
    expect(text.slice(headBytes - 4, headBytes)).toBe("\r\n\r\n");
    expect(text).toContain(`\r\nContent-Length: ${bytes.length - headBytes}\r\n`);
    expect(text).toContain("\r\nConnection: close\r\n");
    expect(text).toContain("\r\nCache-Control: no-cache\r\n");
  }
  expect(new TextDecoder().decode(answerFor(405).bytes)).toContain(
    "\r\nAllow: GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH\r\n",
  );
});
