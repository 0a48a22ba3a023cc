import { afterEach, expect, test } from "bun:test";
import { accepts, freePort, freePorts } from "../../support/ports.ts";
import { run, startProcess, stopAllProcesses } from "../../support/process.ts";
import { waitFor } from "../../support/wait.ts";

afterEach(stopAllProcesses);

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test("startProcess stop kills grandchildren that ignore SIGTERM", async () => {
  const child = startProcess([
    "sh",
    "-c",
    "sh -c 'trap \"\" TERM; echo grandchild $$; while :; do sleep 1; done' & wait",
  ]);
  const match = await child.waitForOutput(/grandchild (\d+)/);
  const grandchild = Number(match[1]);
  expect(alive(grandchild)).toBe(true);
  await child.stop();
  await waitFor("the grandchild to end", () => !alive(grandchild));
});

test("waitForOutput reports the output of a process that ends first", async () => {
  const child = startProcess(["sh", "-c", "echo bad file >&2; exit 78"]);
  await expect(child.waitForOutput(/ready/)).rejects.toThrow(/ended with 78[\s\S]*bad file/);
  expect(await child.exited).toBe(78);
});

test("run fails when the program does not end in time", async () => {
  await expect(run(["sleep", "30"], 100)).rejects.toThrow(/still ran after 100 ms/);
});

test("run answers code and both streams", async () => {
  expect(await run(["sh", "-c", "echo out; echo err >&2; exit 3"])).toEqual({
    code: 3,
    stdout: "out\n",
    stderr: "err\n",
  });
});

test("freePort gives different ports that can be bound", async () => {
  const ports = freePorts(20);
  expect(new Set(ports).size).toBe(20);
  const port = freePort();
  const server = Bun.listen({ hostname: "127.0.0.1", port, socket: { data() {} } });
  expect(await accepts(port)).toBe(true);
  server.stop(true);
  expect(await accepts(port)).toBe(false);
});

test("waitFor names what was awaited and the last error", async () => {
  const refused = (): boolean => {
    throw new Error("refused");
  };
  await expect(waitFor("a daemon", refused, 30)).rejects.toThrow("waited 30 ms for a daemon: refused");
});
