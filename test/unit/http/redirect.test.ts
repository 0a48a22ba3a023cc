import { describe, expect, test } from "bun:test";
import { answerFor, writeAnswer } from "../../../src/http/answers.ts";
import { redirect, type RedirectTo, writeRedirect } from "../../../src/http/redirect.ts";
import { newArena, OUT, OUT_END, requestOf, textOf } from "./material.ts";

const buf = newArena();

function located(to: RedirectTo, request: string, keepsClient = true): string {
  const rule = redirect(to, 302);
  if (!rule.ok) throw new Error(rule.error);
  const { head } = requestOf(buf, request);
  const written = writeRedirect(buf, OUT, OUT_END, head, rule.value, keepsClient);
  return textOf(buf, OUT, OUT + written);
}

describe("writeRedirect", () => {
  const request = "GET /p?q HTTP/1.1\r\nHost: h:81\r\n\r\n";
  const answer = (location: string) =>
    `HTTP/1.1 302 Found\r\nCache-Control: no-cache\r\nContent-Length: 0\r\nLocation: ${location}\r\n\r\n`;

  test("builds Location as haproxy does for scheme, prefix and location", () => {
    expect(located({ scheme: "https" }, request)).toBe(answer("https://h:81/p?q"));
    expect(located({ prefix: "https://x" }, request)).toBe(answer("https://x/p?q"));
    expect(located({ prefix: "/" }, request)).toBe(answer("/p?q"));
    expect(located({ location: "/login" }, request)).toBe(answer("/login"));
  });

  test("uses the authority and the path of an absolute target, and / for the asterisk", () => {
    expect(located({ scheme: "https" }, "GET http://b?q HTTP/1.1\r\nHost: h\r\n\r\n")).toBe(answer("https://b/?q"));
    expect(located({ scheme: "https" }, "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n")).toBe(answer("https://h/"));
    expect(located({ scheme: "https" }, "OPTIONS http://b HTTP/1.1\r\nHost: h\r\n\r\n")).toBe(answer("https://b/"));
  });

  test("tells the client what happens to its connection", () => {
    expect(located({ location: "/" }, request, false)).toContain("\r\nConnection: close\r\n\r\n");
    expect(located({ location: "/" }, "GET / HTTP/1.0\r\n\r\n")).toContain("\r\nConnection: keep-alive\r\n\r\n");
  });

  test("answers 0 without a host and -1 without room", () => {
    expect(located({ scheme: "https" }, "GET / HTTP/1.0\r\n\r\n")).toBe("");
    const rule = redirect({ scheme: "https" }, 301);
    if (!rule.ok) throw new Error(rule.error);
    expect(writeRedirect(buf, OUT, OUT + 50, requestOf(buf, request).head, rule.value, true)).toBe(-1);
  });
});

test("redirect refuses text that cannot stand in Location", () => {
  expect(redirect({ scheme: "https:" }, 302).ok).toBe(false);
  expect(redirect({ location: "/a\r\nX: y" }, 302).ok).toBe(false);
  expect(redirect({ prefix: "/a b" }, 302).ok).toBe(false);
});

test("writeAnswer leaves out the body for HEAD and answers -1 without room", () => {
  const answer = answerFor(503);
  expect(writeAnswer(buf, OUT, OUT_END, answer, false)).toBe(answer.bytes.length);
  expect(writeAnswer(buf, OUT, OUT_END, answer, true)).toBe(answer.headBytes);
  expect(textOf(buf, OUT, OUT + answer.headBytes).endsWith("\r\n\r\n")).toBe(true);
  expect(writeAnswer(buf, OUT, OUT + 10, answer, true)).toBe(-1);
});
