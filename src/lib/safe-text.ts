/** Text from the network or a file, made harmless for a terminal and a log line. */

/**
 * C0 and C1 controls, DEL, line separators, byte order mark, and the marks that reorder text on the
 * screen (Unicode UAX #9: a name with one of them can show as another name).
 */
// oxlint-disable-next-line no-control-regex
const unsafe = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** The text with every unsafe character written as \xNN (or \uNNNN above 0xff) and halves of pairs replaced. */
export function safeText(text: string): string {
  return text.toWellFormed().replace(unsafe, escapeOf);
}

function escapeOf(character: string): string {
  const code = character.charCodeAt(0);
  return code <= 0xff ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
}
