/** The file that `down` needs, as text: {"version":1,"interface":"lo","addresses":[…],"sysctls":[…]}. */
import { arpSettings, type ArpSetting, type Saved } from "./plan.ts";

const VERSION = 1;

export function savedText(saved: Saved): string {
  return `${JSON.stringify({ version: VERSION, ...saved })}\n`;
}

/** Null: not such a text. */
export function parseSaved(text: string): Saved | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isRecord(value) || value["version"] !== VERSION) return null;
  const { interface: device, addresses, sysctls } = value;
  if (typeof device !== "string" || !Array.isArray(addresses) || !Array.isArray(sysctls)) return null;
  if (!addresses.every((address) => typeof address === "string") || !sysctls.every(isSysctl)) return null;
  return { interface: device, addresses, sysctls };
}

function isSysctl(value: unknown): value is Saved["sysctls"][number] {
  if (!isRecord(value)) return false;
  const { scope, name, before, set } = value;
  const isName = typeof name === "string" && (Object.keys(arpSettings) as ArpSetting[]).some((each) => each === name);
  // The scope becomes part of a path.
  const isScope = typeof scope === "string" && /^[^/\s]{1,15}$/.test(scope) && !scope.startsWith(".");
  return isName && isScope && Number.isInteger(before) && Number.isInteger(set);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
