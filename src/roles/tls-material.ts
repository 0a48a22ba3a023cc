/** The supervisor reads certificates and keys (root may, workers may not) and hands them to the workers as text. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import type { Config } from "../config/types.ts";
import type { TlsMaterial } from "../ipc/messages.ts";
import { wantedBinds } from "./wanted.ts";

/** A directory with more is a mistake, for example "/etc". */
const FILES_MAX = 1000;

export interface TlsMaterials {
  readonly byBind: Readonly<Record<string, readonly TlsMaterial[]>>;
  readonly reasons: readonly string[];
  /** Files and directories that this user may not read. */
  readonly forbidden: readonly string[];
}

/** Reads every certificate that the binds name: files, or all *.pem and *.crt of a directory in alphabetical order. */
export function readTlsMaterials(config: Config): TlsMaterials {
  const byBind: Record<string, readonly TlsMaterial[]> = {};
  const reasons: string[] = [];
  const forbidden: string[] = [];
  for (const bind of wantedBinds(config)) {
    if (!bind.tls) continue;
    const materials: TlsMaterial[] = [];
    for (const [i, path] of bind.tls.certificates.entries()) {
      const place = `${bind.path}.tls.certificates[${i}]`;
      try {
        for (const file of filesOf(path)) materials.push({ path: file, pem: readFileSync(file, "utf8") });
      } catch (error) {
        const failure = error as NodeJS.ErrnoException;
        const list = failure.code === "EACCES" ? forbidden : reasons;
        list.push(`${place}: cannot read ${path}: ${failure.message}`);
      }
    }
    if (materials.length === 0 && reasons.length + forbidden.length === 0) {
      reasons.push(
        `${bind.path}.tls.certificates: no *.pem or *.crt file found in ${bind.tls.certificates.join(", ")}`,
      );
    }
    byBind[bind.key] = materials;
  }
  return { byBind, reasons, forbidden };
}

function filesOf(path: string): readonly string[] {
  if (!statSync(path).isDirectory()) return [path];
  const names = readdirSync(path).filter((name) => name.endsWith(".pem") || name.endsWith(".crt"));
  if (names.length > FILES_MAX) throw new Error(`${names.length} certificate files, at most ${FILES_MAX}`);
  return names.sort().map((name) => `${path.replace(/\/$/, "")}/${name}`);
}
