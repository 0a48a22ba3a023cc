import { expect, test } from "bun:test";
import type { VrrpScriptConfig } from "../../../src/config/types-vrrp.ts";
import { afterRun, firstVerdict } from "../../../src/vrrp/script-track.ts";

function script(changes: Partial<VrrpScriptConfig>): VrrpScriptConfig {
  const times = { intervalMs: 1000, timeoutMs: 1000, rise: 2, fall: 3 };
  return { name: "chk", command: ["/bin/true"], ...times, user: null, initFail: false, ...changes };
}

/** The verdict after each of the runs: g good, b bad. */
function verdicts(config: VrrpScriptConfig, runs: string): string {
  let verdict = firstVerdict(config);
  let seen = "";
  for (const run of runs) {
    verdict = afterRun(verdict, config, run === "g");
    seen += verdict.well ? "W" : "-";
  }
  return seen;
}

test("afterRun takes the first run's word, whatever rise and fall are", () => {
  expect(firstVerdict(script({}))).toMatchObject({ known: false });
  expect(verdicts(script({}), "g")).toBe("W");
  expect(verdicts(script({}), "b")).toBe("-");
});

test("afterRun needs fall bad runs in a row to fail, and one good run starts the count again", () => {
  expect(verdicts(script({}), "gbbgbbbb")).toBe("WWWWWW--");
});

test("afterRun needs rise good runs in a row to recover", () => {
  expect(verdicts(script({}), "bgbggb")).toBe("----WW");
});

test("afterRun with init_fail needs rise good runs from the start", () => {
  expect(firstVerdict(script({ initFail: true }))).toMatchObject({ known: true, well: false });
  expect(verdicts(script({ initFail: true }), "gg")).toBe("-W");
});

test("afterRun with rise 1 and fall 1 follows every run", () => {
  expect(verdicts(script({ rise: 1, fall: 1 }), "gbgbb")).toBe("W-W--");
});
