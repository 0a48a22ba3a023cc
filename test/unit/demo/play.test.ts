import { describe, expect, test } from "bun:test";
import { answerOf, type Mood, moods, takeRequest } from "../../../src/demo/moods.ts";
import { ACT_MS, encore, ENCORE_MS, type Scene, scenes, toyNames } from "../../../src/demo/scenes.ts";
import { emptyTally, since, tallyText } from "../../../src/demo/tally.ts";

const get = { method: "GET", target: "/a", close: false };

describe("takeRequest", () => {
  test("takes one request at a time and leaves the rest", () => {
    const taken = takeRequest("GET /a HTTP/1.1\r\nHost: x\r\n\r\nHEAD /b HTTP/1.1\r\nConnection: close\r\n\r\n");
    expect(taken?.request).toEqual(get);
    expect(takeRequest(taken?.rest ?? "")?.request).toEqual({ method: "HEAD", target: "/b", close: true });
  });

  test("waits for the end of the head", () => expect(takeRequest("GET /a HTTP/1.1\r\nHost: x\r\n")).toBeNull());
});

describe("answerOf", () => {
  test("good answers 200 with the toy's name and a true length", () => {
    const text = answerOf("two", "good", get)?.text ?? "";
    const [head = "", body = ""] = text.split("\r\n\r\n");
    expect(head).toStartWith("HTTP/1.1 200 OK");
    expect(head).toContain(`Content-Length: ${body.length}`);
    expect(body).toContain("hello from two");
  });

  test("HEAD gets the length without the body", () => {
    expect(answerOf("two", "good", { ...get, method: "HEAD" })?.text).toEndWith("\r\n\r\n");
  });

  test("hang never answers, error is 500, garbage is not HTTP", () => {
    expect(answerOf("two", "hang", get)).toBeNull();
    expect(answerOf("two", "error", get)?.text).toStartWith("HTTP/1.1 500");
    expect(answerOf("two", "garbage", get)?.text).not.toContain("HTTP/1");
  });
});

describe("scenes", () => {
  const plays: [string, readonly Scene[], number][] = [
    ["the act", scenes, ACT_MS],
    ["the encore", encore, ENCORE_MS],
  ];
  for (const [name, list, lengthMs] of plays) {
    test(`${name} is in order, fits its time and leaves every toy good and ready`, () => {
      const times = list.map((scene) => scene.atMs);
      expect(times).toEqual([...times].sort((a, b) => a - b));
      expect(times.at(-1)).toBeLessThan(lengthMs);
      const left = new Map(toyNames.map((toy) => [toy, { alive: true, mood: "good" as Mood, ready: true }]));
      for (const { cue } of list) {
        const toy = left.get(cue.toy)!;
        if (cue.kind === "mood") toy.mood = cue.mood;
        else if (cue.kind === "order") toy.ready = cue.order === "ready";
        else toy.alive = cue.kind === "start";
      }
      for (const toy of left.values()) expect(toy).toEqual({ alive: true, mood: "good", ready: true });
    });
  }

  test("every mood is played", () => {
    const played = new Set([...scenes, ...encore].flatMap(({ cue }) => (cue.kind === "mood" ? [cue.mood] : [])));
    expect([...played].sort()).toEqual((Object.keys(moods) as Mood[]).sort());
  });
});

describe("tally", () => {
  test("since subtracts counts and keeps only kinds that grew", () => {
    const before = { ...emptyTally, sent: 10, answered: 8, failed: 2, kinds: { "503": 2 } };
    const now = { sent: 30, answered: 25, failed: 5, kinds: { "503": 2, timeout: 3 }, gapMs: 410 };
    expect(since(before, now)).toEqual({ sent: 20, answered: 17, failed: 3, kinds: { timeout: 3 }, gapMs: 410 });
  });

  test("tallyText names failures by kind, most frequent first", () => {
    expect(tallyText({ ...emptyTally, answered: 55 })).toBe("55 requests, 0 failed");
    const failed = { sent: 60, answered: 56, failed: 4, kinds: { timeout: 1, "502": 3 }, gapMs: 0 };
    expect(tallyText(failed)).toBe("60 requests, 4 failed (3 × 502, 1 × timeout)");
  });
});
