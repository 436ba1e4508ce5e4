/**
 * How much it says that two pieces of text share words, in bits: how much less likely than by chance. A letter of
 * a word says 1.6 bits, a character of a script without spaces 5, a word no more than 12.
 */
const BITS_A_LETTER = 1.6;
const BITS_A_CHARACTER = 5;
const MOST_BITS = 12;
/** A word that may stand anywhere in a context of a dozen is there by chance so much more easily. */
const ANYWHERE = 3.5;

/** Words; single characters of scripts without spaces. Punctuation says nothing. */
const WORDS = /[\u0e00-\u0eff\u1780-\u17ff\u3040-\ud7af]|[\p{L}\p{M}\p{N}]+/gu;

export function words(text: string): string[] {
  return text.match(WORDS) ?? [];
}

function bits(word: string): number {
  if (word.length === 1 && word >= "\u0e00" && !/[\p{Lu}\p{Ll}]/u.test(word)) return BITS_A_CHARACTER;
  return Math.min(MOST_BITS, BITS_A_LETTER * word.length);
}

/** The bits of the words that two contexts share in the same order. Those that touch the quote say the most. */
export function sharedContext(context: readonly string[], there: readonly string[], touching: "first" | "last"): number {
  const one = touching === "first" ? context : [...context].reverse();
  const other = touching === "first" ? there : [...there].reverse();
  let touches = 0;
  let sum = 0;
  while (touches < one.length && one[touches] === other[touches]) {
    sum += bits(one[touches] ?? "");
    touches += 1;
  }
  return sum + inOrder(one.slice(touches), other.slice(touches), ANYWHERE);
}

/** The bits of the longest common sequence of words, each less a discount. */
export function inOrder(one: readonly string[], other: readonly string[], discount = 0): number {
  let row = new Array<number>(other.length + 1).fill(0);
  for (const word of one) {
    const worth = Math.max(0, bits(word) - discount);
    const next = [0];
    for (let at = 0; at < other.length; at += 1) {
      const kept = Math.max(row[at + 1] ?? 0, next[at] ?? 0);
      next.push(word === other[at] ? Math.max(kept, (row[at] ?? 0) + worth) : kept);
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
