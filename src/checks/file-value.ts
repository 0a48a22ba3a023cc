/** What a number in a file says of a real server (keepalived: track_file, FILE_CHECK). */

/** A product of this or less takes the server down. */
const FAULT = -254;
const WEIGHT_MAX = 65_535;

/** The number at the beginning of the text; null: there is none. */
export function fileValue(text: string): number | null {
  const [first = ""] = text.trim().split(/\s/, 1);
  return /^[+-]?\d{1,10}$/.test(first) ? Number.parseInt(first, 10) : null;
}

/**
 * factor 0: any number but 0 is down. Else the number times the factor is added to the configured weight, and -254 or
 * less is down. weight null: the configured one.
 */
export function fileVerdict(
  value: number,
  factor: number,
  configuredWeight: number,
): { readonly passed: boolean; readonly weight: number | null } {
  if (factor === 0) return { passed: value === 0, weight: null };
  const product = value * factor;
  if (product <= FAULT) return { passed: false, weight: null };
  if (product === 0) return { passed: true, weight: null };
  return { passed: true, weight: Math.min(Math.max(configuredWeight + product, 0), WEIGHT_MAX) };
}
