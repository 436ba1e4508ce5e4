import type { Dice } from "./dice";

/** A text and the place of the quoted words in it. */
export interface Placed {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** How a text is cut into words: at spaces, or in twos where the script has none. */
export interface Words {
  readonly space: string;
  /** Words of the same text, to put in. */
  readonly vocabulary: readonly string[];
}

export type Edit = (page: Placed, words: Words, dice: Dice) => Placed;

export function split(text: string, space: string): string[] {
  return space === "" ? (text.match(/[\s\S]{1,2}/g) ?? []) : text.split(space);
}

/** Replaces the quote's surroundings and the quote, and says where the quote is then. */
function rebuilt(before: string, quote: string, after: string): Placed {
  return { text: before + quote + after, start: before.length, end: before.length + quote.length };
}

function parts({ text, start, end }: Placed): [before: string, quote: string, after: string] {
  return [text.slice(0, start), text.slice(start, end), text.slice(end)];
}

function replaced(text: string, share: number, words: Words, dice: Dice): string {
  return split(text, words.space)
    .map((word) => (word !== "" && dice.chance(share) ? dice.pick(words.vocabulary) : word))
    .join(words.space);
}

/** Other words, with this share, in the `reach` characters on both sides; the quote stays. */
function rewriteAround(page: Placed, reach: number, share: number, words: Words, dice: Dice): Placed {
  const [before, quote, after] = parts(page);
  const from = Math.max(0, before.length - reach);
  const tail = replaced(before.slice(from), share, words, dice);
  const head = replaced(after.slice(0, reach), share, words, dice);
  return rebuilt(before.slice(0, from) + tail, quote, head + after.slice(reach));
}

/** A word border at or before an offset. */
function border(text: string, offset: number, space: string): number {
  if (space === "") return offset;
  return Math.max(0, text.lastIndexOf(space, Math.max(0, offset - 1)) + (offset > 0 ? 1 : 0));
}

function passage(words: Words, count: number, dice: Dice): string {
  return Array.from({ length: count }, () => dice.pick(words.vocabulary)).join(words.space) + words.space;
}

const LETTERS = "etaoinshr";

function mistyped(text: string, dice: Dice): string {
  const at = dice.between(0, Math.max(0, text.length - 2));
  const [head, one, two, rest] = [text.slice(0, at), text.charAt(at), text.charAt(at + 1), text.slice(at + 2)];
  switch (dice.between(0, 3)) {
    case 0:
      return head + two + one + rest;
    case 1:
      return text.length > 2 ? head + two + rest : text + dice.pick([...LETTERS]);
    case 2:
      return head + dice.pick([...LETTERS]) + two + rest;
    default:
      return head + one + dice.pick([...LETTERS]) + two + rest;
  }
}

const typos: Edit = (page, _, dice) => {
  const [before, quote, after] = parts(page);
  let edited = quote;
  for (let left = 1 + Math.floor(quote.length / 25); left > 0; left -= 1) edited = mistyped(edited, dice);
  return rebuilt(before, edited, after);
};

/** One word in twelve comes or goes; beside a quote of one or two words one comes. */
const wordAddedOrRemoved: Edit = (page, words, dice) => {
  const [before, quote, after] = parts(page);
  const list = split(quote, words.space);
  if (list.length < 3) {
    const word = dice.pick(words.vocabulary);
    return dice.chance(0.5) ? rebuilt(before + word + words.space, quote, after) : rebuilt(before, quote, words.space + word + after);
  }
  for (let left = Math.ceil(list.length / 12); left > 0; left -= 1) {
    const at = dice.between(1, list.length - 2);
    if (dice.chance(0.5)) list.splice(at, 1);
    else list.splice(at, 0, dice.pick(words.vocabulary));
  }
  return rebuilt(before, list.join(words.space), after);
};

/** In a quote of one or two words there is no 30 % to replace: there it is the sentence around that is edited. */
const thirtyPercentReplaced: Edit = (page, words, dice) => {
  const [before, quote, after] = parts(page);
  if (split(quote, words.space).length < 3) return rewriteAround(page, 80, 0.3, words, dice);
  return rebuilt(before, replaced(quote, 0.3, words, dice), after);
};

/** As an editor's "smart" punctuation does to a whole page; white space is collapsed before anything is looked for. */
function typeset(text: string): string {
  return text
    .replace(/(^|[\s(])"/g, "$1“").replace(/"/g, "”").replace(/'/g, "’")
    .replace(/--/g, "—").replace(/ - /g, " – ").replace(/\.\.\./g, "…").replace(/ ?([;:!?])(?= )/g, " $1");
}

const blockMoved: Edit = ({ text, start, end }, words, dice) => {
  const from = border(text, Math.max(0, start - dice.between(20, 400)), words.space);
  const until = border(text, Math.min(text.length, end + dice.between(20, 400)), words.space);
  const to = Math.max(until, end);
  const block = text.slice(from, to);
  const rest = text.slice(0, from) + text.slice(to);
  const into = border(rest, dice.between(0, rest.length), words.space);
  return { text: rest.slice(0, into) + block + rest.slice(into), start: into + start - from, end: into + end - from };
};

const insertionAbove: Edit = ({ text, start, end }, words, dice) => {
  const into = border(text, dice.between(0, start), words.space);
  const put = passage(words, dice.between(10, 120), dice);
  return { text: text.slice(0, into) + put + text.slice(into), start: start + put.length, end: end + put.length };
};

/** The text is still there, somewhere: an anchor ought to be. */
export const KEEPS: Readonly<Record<string, Edit>> = {
  none: (page) => page,
  "insertion above": insertionAbove,
  typos,
  "word added or removed": wordAddedOrRemoved,
  "30 % of words replaced": thirtyPercentReplaced,
  "context rewritten": (page, words, dice) => rewriteAround(page, 100, 0.75, words, dice),
  "typography and white space": (page) => {
    const [before, quote, after] = parts(page);
    return rebuilt(typeset(before), typeset(quote), typeset(after));
  },
  "block moved": blockMoved,
};

/** The text is gone: `start` and `end` say where it was. */
export const DELETES: Readonly<Record<string, Edit>> = {
  "quote deleted": ({ text, start, end }) => ({ text: text.slice(0, start) + text.slice(end).replace(/^ /, ""), start, end: start }),
  "deleted with its surroundings": ({ text, start, end }, _, dice) => {
    const from = Math.max(0, start - dice.between(50, 300));
    return { text: text.slice(0, from) + text.slice(end + dice.between(50, 300)), start: from, end: from };
  },
};
