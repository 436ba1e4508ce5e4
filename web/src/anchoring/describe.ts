import type { Anchor, Quote } from "../wire/frames";
import type { Haystack } from "./haystack";
import { inFullContext, occurrences, soughtOf } from "./sought";
import { rivalShare, surroundings } from "./surroundings";
import type { TextIndex } from "./text-index";

/** Characters of context on each side: enough to tell twin sentences apart, little enough for the wire. */
export const CONTEXT = 64;
/** A longer quote keeps its head and its tail, each of half this size, and its length. */
export const MAX_QUOTE = 256;
/** A rival with less than this share of the surroundings, in hundredths, is not worth its bytes. */
const LEAST_RIVAL = 60;

/** Describes a selected range so that it can be found again after the page has changed; `null` if it holds no text. */
export function describe(range: AbstractRange, index: TextIndex, haystack: Haystack): Anchor | null {
  const found = index.offsets(range);
  return found === null ? null : anchorAt(index.text, haystack, found.start, found.end);
}

/** The anchor of the characters of a text from `start` to before `end`; `haystack` are of the same text. */
export function anchorAt(text: string, haystack: Haystack, start: number, end: number): Anchor & { hint: string } {
  const quote = quoteAt(text, start, end);
  const sought = soughtOf({ quote, position: { start, end } });
  const count = occurrences(sought, haystack).length;
  const twins = inFullContext(sought, haystack).length;
  const around = surroundings(haystack.words, start, end);
  const rival = Math.round(100 * rivalShare(around, haystack.words, end - start, start));
  return { quote, position: { start, end }, hint: [count, twins, rival >= LEAST_RIVAL ? rival : 0, around].join(".") };
}

/** The quote of `text` from `start` to before `end`, with its context, cut only between graphemes. */
export function quoteAt(text: string, start: number, end: number): Quote {
  const context = {
    prefix: tail(text.slice(Math.max(0, start - 2 * CONTEXT), start), CONTEXT),
    suffix: head(text.slice(end, end + 2 * CONTEXT), CONTEXT),
  };
  const exact = text.slice(start, end);
  if (exact.length <= MAX_QUOTE) return { exact, ...context };
  const half = MAX_QUOTE / 2;
  return {
    exact: head(exact.slice(0, 2 * half), half),
    tail: tail(exact.slice(-2 * half), half),
    length: exact.length,
    ...context,
  };
}

/** At most `size` units from the beginning, whole graphemes only. */
function head(text: string, size: number): string {
  if (text.length <= size) return text;
  let end = 0;
  for (const { segment, index } of segments(text)) {
    if (index + segment.length > size) break;
    end = index + segment.length;
  }
  return text.slice(0, end);
}

/** At most `size` units from the end, whole graphemes only. */
function tail(text: string, size: number): string {
  if (text.length <= size) return text;
  for (const { index } of segments(text)) {
    if (text.length - index <= size) return text.slice(index);
  }
  return "";
}

function segments(text: string): Iterable<Intl.SegmentData> {
  return new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(text);
}
