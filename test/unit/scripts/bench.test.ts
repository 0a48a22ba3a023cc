import { describe, expect, test } from "bun:test";
import { parseRollup, parseStat, processTree } from "../../../scripts/bench/accounting.ts";
import { markdownTable, median, medianRound, type Round } from "../../../scripts/bench/report.ts";
import { parseWrk } from "../../../scripts/bench/wrk.ts";

const wrkOutput = `Running 2s test @ http://127.0.0.1:15000/small
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.05ms    1.31ms  24.75ms   94.88%
    Req/Sec    48.21k     5.10k   55.03k    85.00%
  Latency Distribution
     50%  890.00us
     75%    1.12ms
     90%    1.60ms
     99%    8.56ms
  95911 requests in 2.00s, 15.73MB read
  Socket errors: connect 0, read 3, write 0, timeout 1
  Non-2xx or 3xx responses: 12
Requests/sec:  47951.52
Transfer/sec:      7.86MB
`;

describe("parseWrk", () => {
  test("reads counts, percentiles, bytes and every kind of error", () => {
    expect(parseWrk(wrkOutput)).toEqual({
      requests: 95911,
      seconds: 2,
      p50Us: 890,
      p99Us: 8560,
      readBytes: 15.73 * 1024 ** 2,
      errors: 16,
    });
  });

  test("fails with the output when it is something else", () => {
    expect(() => parseWrk("unable to connect to 127.0.0.1")).toThrow(/unable to connect/);
  });
});

describe("accounting", () => {
  test("parseStat survives a name with spaces and parentheses", () => {
    const stat = "42 (a) b) c) S 7 42 42 0 -1 4194560 1 0 0 0 150 250 0 0 20 0 6 0 1 2 3";
    expect(parseStat(stat)).toEqual({ parent: 7, userUs: 1_500_000, systemUs: 2_500_000 });
  });

  test("parseRollup reads kilobytes as bytes", () => {
    expect(parseRollup("55d0-7ffc ---p 0 00:00 0 [rollup]\nRss:   1024 kB\nPss:    512 kB\nPss_Anon:  1 kB\n")).toEqual(
      {
        rssBytes: 1024 ** 2,
        pssBytes: 512 * 1024,
      },
    );
  });

  test("processTree finds grandchildren", async () => {
    const child = Bun.spawn(["sh", "-c", "sleep 5 & echo $!; wait"], { stdout: "pipe" });
    const { value } = await child.stdout.getReader().read();
    const grandchild = Number(new TextDecoder().decode(value));
    expect(processTree(process.pid)).toEqual(expect.arrayContaining([process.pid, child.pid, grandchild]));
    process.kill(grandchild);
    await child.exited;
  });
});

describe("report", () => {
  const round = (cpu: number, errors = 0): Round => ({
    userUsPerRequest: cpu / 4,
    systemUsPerRequest: (cpu * 3) / 4,
    cpuUsPerRequest: cpu,
    requestsPerSecond: 1e6 / cpu,
    bytesPerSecond: 1e6,
    p50Us: 1000,
    p99Us: 2000,
    rssBytes: 5e7,
    pssBytes: 4e7,
    errors,
  });

  test("median takes the middle, and the mean of two middles", () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([1, 2, 3, 10])).toBe(2.5);
  });

  test("medianRound sums errors", () => expect(medianRound([round(10, 1), round(12, 2), round(30, 0)]).errors).toBe(3));

  test("markdownTable divides the second proxy by the first", () => {
    const rounds = { haproxy: [round(20)], ballast: [round(10)] };
    const table = markdownTable([{ name: "x", title: "X", rounds }]);
    expect(table.split("\n")).toHaveLength(5);
    expect(table.split("\n")[4]).toMatch(/ratio\s*\|\s*\*\*0\.50\*\* \|/);
  });
});
