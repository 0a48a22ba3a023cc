/** Writes 20,000 lines to a stderr that nobody reads, shows that its loop still turns, then lets the reader go on. */
import { writeFileSync } from "node:fs";
import { Logger } from "../../../src/log/shell/sinks.ts";
import { Loop } from "../../../src/sys/loop.ts";

const LINES = 20_000;
const loop = new Loop();
const logger = new Logger(loop, [{ sink: { kind: "stderr" }, facility: "local0", level: "info", format: "plain" }], {
  tag: "flood",
  pid: process.pid,
  host: "test",
});
let count = 0;
const timer = loop.every(1, () => {
  for (let i = 0; i < 1000 && count < LINES; i++) {
    const bytes = new TextEncoder().encode(`flood ${count++} ${"x".repeat(100)}`);
    logger.accessBytes(bytes, 0, bytes.length);
  }
  if (count < LINES) return;
  timer.cancel();
  // The pipe is full and the loop has come this far: now the reader may read.
  writeFileSync(process.env.FLOOD_GO ?? "", "");
  loop.after(3000, () => {
    logger.close();
    loop.stop();
  });
});
await loop.run();
process.exit(0);
