/** Compares a text with a file of test/golden; UPDATE_GOLDEN=1 writes it anew, to be read before it is committed. */
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect } from "bun:test";

export async function expectGolden(name: string, text: string): Promise<void> {
  const path = join(import.meta.dir, "../golden", name);
  if (process.env["UPDATE_GOLDEN"] === "1") {
    mkdirSync(dirname(path), { recursive: true });
    await Bun.write(path, text);
  }
  expect(text).toBe(await Bun.file(path).text());
}
