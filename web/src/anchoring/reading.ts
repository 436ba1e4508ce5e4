/** Characters that are in the text but not for reading: soft hyphen, zero-width space and joiners' marks, BOM. */
const INVISIBLE = /[\u00AD\u200B\u2060\uFEFF]/;
const SPACE = /\s/;
/** What keeps a text from being read as it is: white space other than single spaces, and what is not for reading. */
const UNEVEN = / {2}|[^\S ]|[\u00AD\u200B\u2060\uFEFF]/;

/** One text node's share of the text: NFC, every run of white space one space, none at its ends. */
export interface Reading {
  readonly raw: string;
  readonly text: string;
  /** There was white space at this end. */
  readonly before: boolean;
  readonly after: boolean;
  /** For each character of the text, where in `raw` it begins and ends; a number where they are only moved by so much. */
  readonly begins: readonly number[] | number;
  readonly ends: readonly number[];
}

export function readingOf(raw: string): Reading {
  const text = raw.trim();
  if (text === "") return { raw, text, before: raw !== "", after: false, begins: 0, ends: [] };
  if (UNEVEN.test(text) || text.normalize("NFC") !== text) return uneven(raw);
  const begins = raw.indexOf(text);
  return { raw, text, before: begins > 0, after: begins + text.length < raw.length, begins, ends: [] };
}

/** Where a character of the text begins in the node, or ends. */
export function beginIn({ begins }: Reading, at: number): number {
  return typeof begins === "number" ? begins + at : (begins[at] ?? 0);
}

export function endIn({ begins, ends }: Reading, at: number): number {
  return typeof begins === "number" ? begins + at + 1 : (ends[at] ?? 0);
}

/** Character by character; where composing changes lengths, whole graphemes are composed, and each keeps its raw borders. */
function uneven(raw: string): Reading {
  const parts: string[] = [];
  const begins: number[] = [];
  const ends: number[] = [];
  let before = false;
  let space = -1;
  const add = (unit: string, begin: number, end: number): void => {
    if (INVISIBLE.test(unit)) return;
    if (SPACE.test(unit)) {
      if (space < 0) space = begin;
      return;
    }
    if (space >= 0 && parts.length === 0) before = true;
    else if (space >= 0) push(" ", space, begin);
    space = -1;
    push(unit, begin, end);
  };
  const push = (unit: string, begin: number, end: number): void => {
    parts.push(unit);
    begins.push(begin);
    ends.push(end);
  };
  if (raw.normalize("NFC") === raw) for (let at = 0; at < raw.length; at += 1) add(raw.charAt(at), at, at + 1);
  else {
    for (const { segment, index } of new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(raw)) {
      for (const unit of segment.normalize("NFC").split("")) add(unit, index, index + segment.length);
    }
  }
  return { raw, text: parts.join(""), before, after: space >= 0, begins, ends };
}
