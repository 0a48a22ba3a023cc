/**
 * Who may import whom, by path (see src/ARCHITECTURE.md):
 *
 *   L0 lib → L1 codecs, schema, messages → L2 cores → L3 shells → L4 roles → L5 main, cli
 *
 * Imports point down or sideways, never up. `sys` stands beside L1 and is seen by shells, roles, main and cli only.
 */
import { posix } from "node:path";
import { type Finding, importsOf, type SourceFile } from "./source.ts";

export interface Place {
  readonly layer: 0 | 1 | 2 | 3 | 4 | 5;
  /** Folder under src, or file name for main.ts. */
  readonly domain: string;
  readonly kind: "lib" | "sys" | "codec" | "core" | "shell" | "role" | "top" | "tui";
}

const codecPaths: readonly RegExp[] = [
  /^src\/net\//,
  /^src\/acl\//,
  /^src\/http\//,
  /^src\/netlink\/codec[^/]*\.ts$/,
  /^src\/ipc\//,
  /^src\/stats\/layout\.ts$/,
  /^src\/config\/(types[^/]*|schema[^/]*)\.ts$/,
  /^src\/admin\/api\.ts$/,
];

/** Performs requests although it stands beside the cores: tui may import it, and tui sees no shell. */
const clientPath = /^src\/admin\/client(-[^/]*)?\.ts$/;

/** Null: a path that no rule speaks about. */
export function placeOf(path: string): Place | null {
  if (path.startsWith("tui/")) return { layer: 5, domain: "tui", kind: "tui" };
  const match = /^src\/([^/]+)/.exec(path);
  if (match === null) return null;
  const domain = match[1]!;
  if (domain === "lib") return { layer: 0, domain, kind: "lib" };
  if (domain === "sys") return { layer: 1, domain, kind: "sys" };
  if (domain === "roles") return { layer: 4, domain, kind: "role" };
  if (domain === "cli" || domain === "main.ts") return { layer: 5, domain, kind: "top" };
  if (/^src\/[^/]+\/shell\//.test(path)) return { layer: 3, domain, kind: "shell" };
  if (clientPath.test(path)) return { layer: 2, domain, kind: "shell" };
  if (codecPaths.some((pattern) => pattern.test(path))) return { layer: 1, domain, kind: "codec" };
  return { layer: 2, domain, kind: "core" };
}

/** Pure files: their time, chance and input come as arguments. */
export function isPure(place: Place): boolean {
  return place.kind === "lib" || place.kind === "codec" || place.kind === "core";
}

const tuiMayImport = /^(tui\/|src\/lib\/|src\/admin\/api\.ts$|src\/admin\/client(-[^/]*)?\.ts$)/;

/** Packages by who may import them; everything else is bun:* or node:*. */
const packages: Readonly<Record<string, RegExp>> = {
  "smol-toml": /^src\/config\//,
  nodemailer: /^src\/notify\/shell\//,
  ink: /^tui\//,
  react: /^tui\//,
};

function packageName(specifier: string): string {
  const parts = specifier.split("/");
  return specifier.startsWith("@") ? `${parts[0]}/${parts[1]}` : parts[0]!;
}

/** Why `from` may not import the project file `to`; null when it may. */
export function refusal(from: string, to: string, typeOnly: boolean): string | null {
  const here = placeOf(from);
  if (here === null) return null;
  if (here.kind === "tui") {
    return tuiMayImport.test(to) ? null : `tui may import src/lib, src/admin/api.ts and src/admin/client.ts, not ${to}`;
  }
  if (to.startsWith("tui/")) return here.layer === 5 ? null : `only src/main.ts and src/cli may import tui, lazily`;
  const there = placeOf(to);
  if (there === null) return `${to} is outside src: the product may not depend on it`;
  if (there.kind === "sys") {
    const may = here.kind === "sys" || here.kind === "shell" || here.layer >= 4;
    return may
      ? null
      : `a ${here.kind} (L${here.layer}) may not import src/sys: move the effect to src/${here.domain}/shell/`;
  }
  if (here.kind === "sys") return there.kind === "lib" ? null : `src/sys may import src/lib only, not ${to}`;
  if (there.layer > here.layer) {
    return `import points up: L${here.layer} ${here.kind} may not import L${there.layer} ${there.kind} ${to}`;
  }
  const foreignShell = there.kind === "shell" && here.kind === "shell" && there.domain !== here.domain;
  // A type is erased: it couples the words, not the effects.
  if (foreignShell && !typeOnly && !clientPath.test(to)) {
    return `the shell of ${here.domain} may not import the shell of ${there.domain}: let the role hand it in`;
  }
  return null;
}

/** All findings about the imports of one file. */
export function checkImports(file: SourceFile): Finding[] {
  const here = placeOf(file.path);
  if (here === null) return [];
  const findings: Finding[] = [];
  for (const { specifier, line, typeOnly } of importsOf(file)) {
    const message = importMessage(file.path, here, specifier, typeOnly);
    if (message !== null) findings.push({ path: file.path, line, message });
  }
  return findings;
}

function importMessage(path: string, here: Place, specifier: string, typeOnly: boolean): string | null {
  if (specifier.startsWith(".")) {
    if (!/\.(tsx?|json|txt|css)$/.test(specifier)) return `import "${specifier}" lacks its .ts or .tsx extension`;
    return refusal(path, posix.join(posix.dirname(path), specifier), typeOnly);
  }
  if (specifier === "bun:ffi") return here.kind === "sys" ? null : "only src/sys may import bun:ffi";
  if (/^(node:|bun:|bun$)/.test(specifier)) {
    return isPure(here) && !typeOnly ? `a ${here.kind} is pure and may not import ${specifier}` : null;
  }
  const allowed = packages[packageName(specifier)];
  if (allowed === undefined) return `unknown package or path "${specifier}"`;
  return allowed.test(path) ? null : `${packageName(specifier)} may not be imported here`;
}
