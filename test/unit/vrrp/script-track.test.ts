import { expect, test } from "bun:test";
import type { VrrpScriptConfig } from "../../../src/config/types-vrrp.ts";
import { afterRun, firstVerdict, keptVerdict } from "../../../src/vrrp/script-track.ts";

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

test("keptVerdict stays as it was under any other rise and fall, and has as far to go as those say at most", () => {
  const failed = afterRun(firstVerdict(script({})), script({}), false);
  const well = afterRun(firstVerdict(script({})), script({}), true);
  for (const rise of [1, 2, 5]) {
    for (const fall of [1, 2, 5]) {
      const next = script({ rise, fall });
      expect(keptVerdict(failed, next)).toMatchObject({ known: true, well: false });
      expect(keptVerdict(well, next)).toMatchObject({ known: true, well: true });
      let [up, down] = [keptVerdict(failed, next), keptVerdict(well, next)];
      for (let run = 0; run < rise; run++) up = afterRun(up, next, true);
      for (let run = 0; run < fall; run++) down = afterRun(down, next, false);
      expect([up.well, down.well]).toEqual([true, false]);
    }
  }
  expect(keptVerdict(firstVerdict(script({})), script({ rise: 4 }))).toEqual(firstVerdict(script({ rise: 4 })));
});
