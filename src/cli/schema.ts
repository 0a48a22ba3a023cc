/** `ballast schema [SECTION]`: every key of the configuration, what it takes, its default and what it means. */
import { type SchemaRow, schemaRows } from "../config/schema.ts";
import { didYouMean } from "../lib/suggest.ts";
import type { CliArgs } from "./args.ts";
import { commandRow } from "./commands.ts";
import { exitCodes, painter, printJson, printLine, usageFailure } from "./output.ts";

/** How the top of the file is called: its keys are sections. */
const TOP = "file";

/** The key and what it means, and under it what it takes: whole lines, the terminal wraps them. */
function rowLines(row: SchemaRow, keyCells: number): readonly string[] {
  if (row.since !== "supported") return [`  ${row.key.padEnd(keyCells)}  (${row.since}) ${row.doc}`];
  const otherwise = row.required ? "; required" : row.default === "" ? "" : `; default ${row.default}`;
  return [`  ${row.key.padEnd(keyCells)}  ${row.doc}`, `  ${" ".repeat(keyCells)}  ${row.type}${otherwise}`];
}

/** Exit code: 0, or 64 for a section that there is not. */
export async function runSchema(args: CliArgs): Promise<number> {
  const help = `usage: ballast ${commandRow("schema").usage}`;
  if (args.rest.length > 1) {
    return usageFailure({ text: `schema takes one SECTION, found ${args.rest.length}`, help });
  }
  const rows = schemaRows().map((row) => (row.section === "" ? { ...row, section: TOP } : row));
  const sections = [...new Set(rows.map((row) => row.section))];
  const [wanted] = args.rest;
  if (wanted !== undefined && !sections.includes(wanted)) {
    const text = `no section "${wanted}"${didYouMean(wanted, sections)}`;
    return usageFailure({ text, help: `sections: ${sections.join(", ")}` });
  }
  const shown = rows.filter((row) => wanted === undefined || row.section === wanted);
  if (args.json) {
    printJson(shown);
    return exitCodes.ok;
  }
  const paint = painter(args);
  for (const [index, section] of sections.filter((name) => wanted === undefined || name === wanted).entries()) {
    if (index > 0) printLine("");
    printLine(paint("strong", `[${section}]`));
    const ofSection = shown.filter((row) => row.section === section);
    const keyCells = Math.max(...ofSection.map((row) => row.key.length));
    for (const row of ofSection) rowLines(row, keyCells).forEach(printLine);
  }
  return exitCodes.ok;
}
