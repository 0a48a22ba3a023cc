/** One line of typed text: what a key makes of it. Shared by filter, command and the fields of dialogs. Pure. */

/** Longer than any name or reason that the daemon takes. */
const TEXT_CHARS_MAX = 200;

/** The text after a key; null when the key is no editing key. */
export function editText(text: string, key: string): string | null {
  switch (key) {
    case "space":
      return append(text, " ");
    case "backspace":
      return [...text].slice(0, -1).join("");
    case "ctrl-u":
      return "";
    case "ctrl-w":
      return text.replace(/\S*\s*$/, "");
    default:
      // Named keys have several characters; a typed one is a single code point.
      return [...key].length === 1 ? append(text, key) : null;
  }
}

/** Pasted text becomes one line without control characters. */
export function pasteText(text: string, pasted: string): string {
  // eslint-disable-next-line no-control-regex
  return append(text, pasted.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ").trim());
}

function append(text: string, more: string): string {
  return (text + more).slice(0, TEXT_CHARS_MAX);
}
