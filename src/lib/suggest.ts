/** "did you mean": the nearest of the words that were possible. */

/** Longer words are not compared: a distance costs the product of the lengths. */
const WORD_LENGTH_MAX = 64;

/** The candidate that a typing mistake most likely meant, or null when none is near. */
export function suggest(word: string, candidates: Iterable<string>): string | null {
  if (word === "" || word.length > WORD_LENGTH_MAX) return null;
  const plain = plainForm(word);
  let best: string | null = null;
  let bestDistance = Math.max(1, Math.floor(plain.length / 3)) + 1;
  for (const candidate of candidates) {
    if (candidate.length > WORD_LENGTH_MAX) continue;
    const distance = editDistance(plain, plainForm(candidate));
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best ?? completion(plain, candidates);
}

/** Two letters of a word are typed for the whole of it; one could be anything. */
const START_LENGTH_MIN = 2;

/** The one candidate that begins with the word; null when there is none or several. */
function completion(plain: string, candidates: Iterable<string>): string | null {
  if (plain.length < START_LENGTH_MIN) return null;
  const found = [...new Set(candidates)].filter((candidate) => plainForm(candidate).startsWith(plain));
  return found.length === 1 ? (found[0] ?? null) : null;
}

/** The clause for a message: `; did you mean "weight"?` or nothing. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const found = suggest(word, candidates);
  return found === null ? "" : `; did you mean "${found}"?`;
}

function plainForm(word: string): string {
  return word.toLowerCase().replaceAll("-", "_");
}

/** Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (same ? 0 : 1));
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) cost = Math.min(cost, before[j - 2] + 1);
      row.push(cost);
    }
    before = previous;
    previous = row;
  }
  return previous[b.length];
}
