/** Numbers for people: short, steady in width, the unit always said by the column or the text beside it. */

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** `1214` → `1 214`: groups of three, so that 10 000 and 1 000 differ at a glance. */
export function formatCount(value: number): string {
  const digits = Math.abs(Math.round(value)).toString();
  const grouped = digits.replace(/\B(?=(\d{3})+$)/g, " ");
  return value < 0 && digits !== "0" ? `-${grouped}` : grouped;
}

/** A rate: one decimal below ten, whole numbers above, `-` when it is not known. */
export function formatRate(perSecond: number | null): string {
  if (perSecond === null) return "-";
  if (perSecond === 0) return "0";
  if (perSecond < 9.95) return perSecond < 0.05 ? "<0.1" : perSecond.toFixed(1);
  return formatCount(perSecond);
}

const SCALES = ["", "k", "M", "G", "T", "P"] as const;

/** At most five characters: `999`, `1.2k`, `38M`. */
export function formatShort(value: number): string {
  let scaled = Math.abs(value);
  let step = 0;
  while (scaled >= 999.5 && step < SCALES.length - 1) {
    scaled /= 1000;
    step++;
  }
  const sign = value < 0 ? "-" : "";
  const digits = step > 0 && scaled < 9.95 ? scaled.toFixed(1) : Math.round(scaled).toString();
  return `${sign}${digits}${SCALES[step] ?? ""}`;
}

/** Bytes in powers of 1000: `1.2 MB`. */
export function formatBytes(bytes: number): string {
  const short = formatShort(bytes);
  const unit = /[a-zA-Z]$/.exec(short)?.[0] ?? "";
  return `${short.slice(0, short.length - unit.length)} ${unit}B`;
}

/** A span in one word: `12s`, `4m`, `3h`, `40d`. For columns. */
export function formatAge(spanMs: number): string {
  const span = Math.max(0, spanMs);
  if (span < MINUTE_MS) return `${Math.floor(span / SECOND_MS)}s`;
  if (span < HOUR_MS) return `${Math.floor(span / MINUTE_MS)}m`;
  if (span < 2 * DAY_MS) return `${Math.floor(span / HOUR_MS)}h`;
  return `${Math.floor(span / DAY_MS)}d`;
}

/** A span to the second: `00:00:12`, `12d 04:11`. For sentences and headers. */
export function formatSpan(spanMs: number): string {
  const span = Math.max(0, spanMs);
  const days = Math.floor(span / DAY_MS);
  const hours = twoDigits(Math.floor((span % DAY_MS) / HOUR_MS));
  const minutes = twoDigits(Math.floor((span % HOUR_MS) / MINUTE_MS));
  if (days > 0) return `${days}d ${hours}:${minutes}`;
  return `${hours}:${minutes}:${twoDigits(Math.floor((span % MINUTE_MS) / SECOND_MS))}`;
}

/** `1 server`, `3 servers`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

export function twoDigits(value: number): string {
  return value.toString().padStart(2, "0");
}
