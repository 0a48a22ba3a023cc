/** Checks 200 servers on the port of argv with no descriptor left, then with some: prints how they were judged. */
import { closeSync, openSync } from "node:fs";
import { waitFor } from "../../support/wait.ts";
import { checkOf, CheckerFixture, serverAt } from "./checker-fixture.ts";

const port = Number(process.argv[2]);
const fixture = new CheckerFixture();
const held: number[] = [];
// The loop opens what it needs with its first turn.
await Bun.sleep(200);
try {
  for (;;) held.push(openSync("/dev/null", "r"));
} catch (error) {
  if ((error as NodeJS.ErrnoException).code !== "EMFILE") throw error;
}
const check = checkOf({ intervalMs: 500, fastIntervalMs: 50 });
fixture.check(...Array.from({ length: 200 }, (_, i) => serverAt(port, check, `s${i}`)));
await waitFor("shortage", () => fixture.unable.length > 10);
const judgedMeanwhile = fixture.verdicts.length;
for (const fd of held) closeSync(fd);
await waitFor("verdicts", () => fixture.verdicts.length >= 200);
const down = fixture.verdicts.filter(({ health }) => health === "down").length;
console.log(JSON.stringify({ judgedMeanwhile, down }));
process.exit(0);
