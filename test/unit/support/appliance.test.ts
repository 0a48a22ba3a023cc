import { expect, spyOn, test } from "bun:test";
import { signalProcess } from "../../../src/sys/process.ts";
import { signalPid } from "../../support/appliance.ts";

/** kill(2): 0 and -1 are everybody, 1 is the machine's first process. */
const everybody = [0, -1, 1, Number.NaN] as const;

test("signalPid sends nothing to everybody, to half a number or to another program", () => {
  const kill = spyOn(process, "kill").mockImplementation(() => true);
  try {
    for (const pid of [...everybody, -2, 1.5, process.pid, 4_194_303]) {
      for (const target of ["process", "group"] as const) expect(() => signalPid(pid, "SIGCONT", target)).toThrow();
    }
    expect(kill).not.toHaveBeenCalled();
  } finally {
    kill.mockRestore();
  }
});

test("signalProcess refuses the pids that mean everybody", () => {
  // Signal 0 only asks: harmless should the refusal be missing.
  for (const pid of everybody) expect(() => signalProcess(pid, 0)).toThrow("signal 0 to process");
  expect(signalProcess(process.pid, 0)).toBe(0);
});
