/** Rules about what stands in a file: impure calls in cores, forbidden forms, pointer traps, paths of one machine. */
import { homedir } from "node:os";
import { dirname } from "node:path";
import { isPure, placeOf } from "./imports.ts";
import { type Finding, lineAt, occurrences, type SourceFile } from "./source.ts";

interface TextRule {
  readonly pattern: RegExp;
  readonly message: string;
}

const impure: readonly TextRule[] = [
  { pattern: /\bDate\.now\b|\bnew Date\(\s*\)/g, message: "$& in a pure file: take the instant as an argument" },
  { pattern: /\bperformance\s*\.\s*now\b/g, message: "$& in a pure file: take the instant as an argument" },
  { pattern: /\bMath\.random\b|\bcrypto\.\w+/g, message: "$& in a pure file: take chance as an argument" },
  {
    pattern: /\b(?:setTimeout|setInterval|setImmediate|queueMicrotask)\s*\(/g,
    message: "timer $& in a pure file: answer with an effect",
  },
  { pattern: /\b(?:async\s+(?:function\b|\()|await\s)/g, message: "$& in a pure file: a core answers at once" },
  { pattern: /\bBun\.\w+/g, message: "$& in a pure file: move it to a shell" },
  {
    // By member: `process` is also a good name for a row of a process table.
    pattern:
      /(?<![.\w])process\.(?:argv|cwd|env|exec\w+|exit|getuid|hrtime|kill|memoryUsage|nextTick|on|pid|std\w+)\b/g,
    message: "$& in a pure file: take it as an argument",
  },
];

const forms: readonly TextRule[] = [
  { pattern: /^\s*export\s+default\b/gm, message: "default export: name it" },
  { pattern: /^\s*(?:export\s+)?(?:declare\s+)?(?:const\s+)?enum\s+\w/gm, message: "enum: use an `as const` table" },
  { pattern: /^\s*(?:export\s+)?(?:declare\s+)?namespace\s+\w/gm, message: "namespace: a file is the module" },
  { pattern: /^\s*export\s+\*\s+from\b/gm, message: "barrel: import from the file that has it" },
];

/** See bun:ffi in the architecture: small typed arrays move, and the kernel then writes into freed memory. */
const pointerTraps: readonly TextRule[] = [
  {
    pattern: /\b(?:ptr|addressOf|pinnedAddress)\(\s*(?:new\s+\w*Array\b|Buffer\b)/g,
    message: "$&: its memory moves; use pinned() of src/sys/memory.ts",
  },
  { pattern: /\bnew\s+JSCallback\b/g, message: "$&: callbacks from other threads corrupt the heap" },
  { pattern: /\bnew\s+Worker\s*\(/g, message: "$&: Bun workers corrupt the heap; use a role process" },
];

/** Split so that this file does not find itself. */
const unfinished = new RegExp(`\\b(?:${["TO", "FIX"].map((a, i) => a + ["DO", "ME"][i]).join("|")})\\b`, "g");

/** Rules for code files of the product and its scripts. */
export function checkText(file: SourceFile): Finding[] {
  const findings: Finding[] = [];
  const place = placeOf(file.path);
  const rules = [...forms, ...pointerTraps, ...(place !== null && isPure(place) ? impure : [])];
  for (const { pattern, message } of rules) findings.push(...occurrences(file, file.code, pattern, message));
  findings.push(...occurrences(file, file.text, unfinished, "$&: finish it or open an issue"));
  if (place !== null && file.path !== "src/main.ts") {
    findings.push(
      ...occurrences(file, file.code, /(?<![.\w])process\.exit\s*\(/g, "only src/main.ts may call process.exit"),
    );
  }
  if (!/^(#!.*\n)?(\/\*\*|\/\/)/.test(file.text) && !file.path.startsWith("test/")) {
    findings.push({ path: file.path, line: 1, message: "no head comment: say what this file is about" });
  }
  return findings;
}

/** Folders that every Linux machine has: their names say nothing about this one. */
const commonFolders = /^\/(?:tmp|var\/tmp|home|root|opt|srv|usr\/src|usr\/local\/src|var\/lib\/[^/]+)?$/;

/** Absolute paths of the machine that the checkout stands on, and addresses of package registries. */
export function machineRules(root: string): readonly TextRule[] {
  const folders = [root, dirname(root), homedir()].filter((folder) => !commonFolders.test(folder));
  const paths = folders.map((folder) => ({
    pattern: new RegExp(`${RegExp.escape(folder)}(?=/)`, "g"),
    message: `${folder}/ is a path of this machine`,
  }));
  return [
    ...paths,
    { pattern: /\/(?:home|Users)\/(?!\$|user\b|<)\w+\//g, message: "$& is somebody's home directory" },
    { pattern: /"resolved":\s*"https?:[^"]*/g, message: "$&: the lock file names a registry host" },
    { pattern: /\bregistry\.[a-z0-9-]+\.[a-z]{2,}/g, message: "$& is a registry host; npm's configuration names it" },
  ];
}

/** For every text file of the project, whatever its kind. */
export function checkMachine(path: string, text: string, rules: readonly TextRule[]): Finding[] {
  return rules.flatMap(({ pattern, message }) =>
    [...text.matchAll(pattern)].map((match) => ({
      path,
      line: lineAt(text, match.index),
      message: message.replaceAll("$&", match[0]),
    })),
  );
}
