/** The configuration as the supervisor runs it: parsed, with its hash and its certificates. */
import { renderIssue } from "../config/render-issue.ts";
import { loadConfig } from "../config/shell/environment.ts";
import type { Config } from "../config/types.ts";
import type { TlsMaterial } from "../ipc/messages.ts";
import { readTlsMaterials } from "./tls-material.ts";

export interface LoadedConfig {
  readonly path: string;
  readonly config: Config;
  /** First 7 hex digits of the SHA-256 of the main file's text. */
  readonly hash: string;
  /** The text with secrets masked. */
  readonly masked: string;
  readonly tls: Readonly<Record<string, readonly TlsMaterial[]>>;
  readonly warnings: readonly string[];
}

export interface ConfigFailure {
  readonly issues: readonly string[];
  /** The file could not be read at all. */
  readonly unreadable: boolean;
}

/** `socket`: from the command line, stands above the file's `admin.socket`. */
export function loadConfigFile(path: string, socket: string | null): LoadedConfig | ConfigFailure {
  const { text, config, masked, issues } = loadConfig(path);
  const rendered = issues.map(renderIssue);
  if (text === null || config === null) return { issues: rendered, unreadable: text === null };
  const { byBind, reasons, forbidden } = readTlsMaterials(config);
  const unread = [...reasons, ...forbidden];
  if (unread.length > 0) return { issues: [...rendered, ...unread], unreadable: false };
  const hash = new Bun.CryptoHasher("sha256").update(text).digest("hex").slice(0, 7);
  const effective = socket === null ? config : { ...config, admin: { ...config.admin, socket } };
  return { path, config: effective, hash, masked, tls: byBind, warnings: rendered };
}
