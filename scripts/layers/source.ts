/** A source file as the rules see it: comments and the contents of strings blanked, line numbers kept. */

export interface SourceFile {
  /** Relative to the root, with forward slashes. */
  readonly path: string;
  readonly text: string;
  /** `text` with comments, string and template contents replaced by spaces: what is left is code. */
  readonly code: string;
}

export interface ImportLine {
  readonly specifier: string;
  readonly line: number;
  /** Erased at compile time: `import type` or `export type … from`. */
  readonly typeOnly: boolean;
}

export interface Finding {
  readonly path: string;
  readonly line: number;
  readonly message: string;
}

export function sourceFile(path: string, text: string): SourceFile {
  return { path, text, code: blankComments(text, true) };
}

export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf("\n"); at !== -1 && at < offset; at = text.indexOf("\n", at + 1)) line++;
  return line;
}

/** One finding per place where `pattern` (with the g flag) occurs in the code. */
export function occurrences(file: SourceFile, text: string, pattern: RegExp, message: string): Finding[] {
  return [...text.matchAll(pattern)].map((match) => ({
    path: file.path,
    line: lineAt(text, match.index),
    message: message.replaceAll("$&", match[0].trim()),
  }));
}

const importPattern =
  /(?:^|\n)[ \t]*(?:import|export)\s+(type\s+)?(?:[\w*{}\s,$]+?\s+from\s+)?["']([^"'\n]+)["']|\bimport\(\s*["']([^"'\n]+)["']\s*\)/g;

/** Static and dynamic imports with a literal specifier, and re-exports. */
export function importsOf(file: SourceFile): ImportLine[] {
  const text = blankComments(file.text, false);
  return [...text.matchAll(importPattern)].map((match) => {
    const specifier = match[2] ?? match[3] ?? "";
    return {
      specifier,
      line: lineAt(text, match.index + match[0].indexOf(specifier)),
      typeOnly: match[1] !== undefined,
    };
  });
}

type Mode = "code" | "line" | "block" | "'" | '"' | "`" | "regex";

/** Characters after which a slash starts a regular expression and not a division. */
const beforeRegex = /(?:^|[=(,:;!&|?{}[+\-*%~^<>\n]|\b(?:return|case|typeof|in|of))\s*$/;

function blankComments(text: string, stringsToo: boolean): string {
  const out = text.split("");
  /** Template literals nest: the depth of braces at which each `${` was opened. */
  const templateDepths: number[] = [];
  let mode: Mode = "code";
  let depth = 0;
  let inClass = false;
  const blank = (at: number): void => {
    if (out[at] !== "\n") out[at] = " ";
  };
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    switch (mode) {
      case "code":
        if (c === "/" && text[i + 1] === "/") mode = "line";
        else if (c === "/" && text[i + 1] === "*") mode = "block";
        else if (c === "/" && beforeRegex.test(text.slice(Math.max(0, i - 40), i))) mode = "regex";
        else if (c === "'" || c === '"' || c === "`") mode = c;
        else if (c === "{") depth++;
        else if (c === "}") {
          if (templateDepths.at(-1) === depth) {
            templateDepths.pop();
            mode = "`";
          } else depth--;
        }
        if (mode === "line" || mode === "block") blank(i);
        break;
      case "line":
        if (c === "\n") mode = "code";
        else blank(i);
        break;
      case "block":
        if (c === "*" && text[i + 1] === "/") {
          blank(i);
          blank(++i);
          mode = "code";
        } else blank(i);
        break;
      case "regex":
        if (stringsToo && c !== "/" && c !== "\n") blank(i);
        if (c === "\\") {
          if (stringsToo) blank(i + 1);
          i++;
        } else if (c === "[") inClass = true;
        else if (c === "]") inClass = false;
        else if ((c === "/" && !inClass) || c === "\n") {
          mode = "code";
          inClass = false;
        }
        break;
      default:
        if (c === "\\") {
          if (stringsToo) {
            blank(i);
            blank(i + 1);
          }
          i++;
        } else if (c === mode || (c === "\n" && mode !== "`")) mode = "code";
        else if (mode === "`" && c === "$" && text[i + 1] === "{") {
          templateDepths.push(depth);
          i++;
          mode = "code";
        } else if (stringsToo) blank(i);
    }
  }
  return out.join("");
}
