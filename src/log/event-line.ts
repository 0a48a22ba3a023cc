/** An event as one log line: `vrrp.state instance=web from=backup to=master cause=master-down-timer source=vrrp`. */
import type { BallastEvent } from "../admin/api.ts";
import { safeText } from "../lib/safe-text.ts";

const PLAIN_VALUE = /^[!#-<>-~]+$/;

/** Words stand bare, everything else in double quotes; control characters are escaped, so that a line stays a line. */
function value(raw: string | number): string {
  const text = safeText(String(raw));
  return PLAIN_VALUE.test(text) ? text : `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}

/** Kind, object (unless a field names it), fields, source and the sentence for people. */
export function eventLine(event: BallastEvent): string {
  const fields = Object.entries(event.fields);
  const named = event.object === "" || fields.some(([, field]) => field === event.object);
  const pairs = [
    ...(named ? [] : [["object", event.object] as const]),
    ...fields,
    ["source", event.source] as const,
    ...(event.text === "" ? [] : [["text", event.text] as const]),
  ];
  return [safeText(event.kind), ...pairs.map(([key, field]) => `${safeText(key)}=${value(field)}`)].join(" ");
}
