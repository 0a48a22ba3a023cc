/** The filter language: text or regular expression, `!` for the opposite, `~` for letters in order. */

const SUBJECT_CHARS_MAX = 400;

/** A test for one filter text. An expression that does not compile is taken as plain text. */
export function compileFilter(text: string): (subject: string) => boolean {
  if (text === "") return () => true;
  if (text.startsWith("!")) {
    if (text === "!") return () => true;
    const accepts = compileFilter(text.slice(1));
    return (subject) => !accepts(subject);
  }
  if (text.startsWith("~")) return fuzzy(text.slice(1).toLowerCase());
  const expression = toExpression(text);
  if (expression === null) {
    const wanted = text.toLowerCase();
    return (subject) => subject.toLowerCase().includes(wanted);
  }
  // Bounded, because the operator's expression may backtrack.
  return (subject) => expression.test(subject.slice(0, SUBJECT_CHARS_MAX));
}

function toExpression(text: string): RegExp | null {
  try {
    return new RegExp(text, "i");
  } catch {
    return null;
  }
}

function fuzzy(letters: string): (subject: string) => boolean {
  return (subject) => {
    let next = 0;
    for (const character of subject.toLowerCase()) {
      if (next < letters.length && character === letters[next]) next++;
    }
    return next === letters.length;
  };
}
