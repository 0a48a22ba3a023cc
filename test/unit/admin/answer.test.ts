import { expect, test } from "bun:test";
import { answer, errorAnswer, lineChunk, replyAnswer } from "../../../src/admin/answer.ts";

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

test("answer counts bytes and not characters", () => {
  const bytes = text(answer(200, "application/json", '"é"'));
  expect(bytes).toContain("\r\nContent-Length: 4\r\n");
  expect(bytes).toEndWith('\r\n\r\n"é"');
});

test("errorAnswer has the shape of a Reply", () => {
  const bytes = text(errorAnswer(405, "no", "Allow: GET\r\n"));
  expect(bytes).toStartWith("HTTP/1.1 405 Method Not Allowed\r\n");
  expect(bytes).toContain("\r\nAllow: GET\r\n\r\n");
  expect(bytes).toEndWith('{"ok":false,"kind":"refused","text":"no"}\n');
});

test("replyAnswer turns the kind into a status", () => {
  expect(text(replyAnswer({ ok: true, text: "done" }))).toStartWith("HTTP/1.1 200 ");
  expect(text(replyAnswer({ ok: false, kind: "config", text: "x", issues: ["y"] }))).toStartWith("HTTP/1.1 422 ");
});

test("lineChunk is one chunk of JSON lines, and nothing for nothing", () => {
  expect(text(lineChunk([{ a: 1 }, { b: "é" }]))).toBe('13\r\n{"a":1}\n{"b":"é"}\n\r\n');
  expect(lineChunk([])).toHaveLength(0);
});
