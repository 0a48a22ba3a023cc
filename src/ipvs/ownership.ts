/**
 * Which services and destinations of the kernel's table are Ballast's: what it put there, or took over because the
 * configuration names it. Kept in a file beside the admin socket, so that a restarted director tells its own entries
 * from those of others; like the table itself it does not survive a boot.
 *
 * The file is one line of JSON: {"version":1,"services":{"tcp 192.0.2.1:80":["192.0.2.11:80"]}}
 */

/** serviceKey → endpointText of its destinations. */
export type Ownership = ReadonlyMap<string, ReadonlySet<string>>;

export const NOTHING_OWNED: Ownership = new Map();

const VERSION = 1;

export function ownershipText(owned: Ownership): string {
  const services = Object.fromEntries([...owned].map(([key, destinations]) => [key, [...destinations]]));
  return `${JSON.stringify({ version: VERSION, services })}\n`;
}

/** Null: not such a text. An empty one owns nothing. Only the first line counts: behind it may stand the rest of a longer one. */
export function parseOwnership(text: string): Ownership | null {
  const [line = ""] = text.split("\n", 1);
  if (line === "") return NOTHING_OWNED;
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return null;
  }
  if (!isRecord(value) || value["version"] !== VERSION || !isRecord(value["services"])) return null;
  const owned = new Map<string, ReadonlySet<string>>();
  for (const [key, destinations] of Object.entries(value["services"])) {
    if (!Array.isArray(destinations) || !destinations.every((each) => typeof each === "string")) return null;
    owned.set(key, new Set(destinations));
  }
  return owned;
}

/** What belongs to either: written before commands run, so that a crash between leaves nothing unowned behind. */
export function unionOwnership(a: Ownership, b: Ownership): Ownership {
  const union = new Map<string, ReadonlySet<string>>(a);
  for (const [key, destinations] of b) union.set(key, new Set([...(union.get(key) ?? []), ...destinations]));
  return union;
}

export function sameOwnership(a: Ownership, b: Ownership): boolean {
  if (a.size !== b.size) return false;
  return [...a].every(([key, destinations]) => {
    const other = b.get(key);
    return (
      other !== undefined && other.size === destinations.size && [...destinations].every((each) => other.has(each))
    );
  });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
