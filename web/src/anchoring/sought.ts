import type { Anchor, Quote } from "../wire/frames";
import { type Haystack, fold } from "./haystack";

/** A piece of the page's text. */
export interface Place {
  readonly start: number;
  readonly end: number;
}

/** A part of the text in which a piece is looked for: where it may begin. */
export interface Scope {
  readonly from: number;
  readonly until: number;
}

/** What is looked for, and what was known of its rivals when it was quoted. */
export interface Sought {
  readonly quote: Quote;
  /** Characters of the whole quote. */
  readonly length: number;
  readonly position: number;
  /** In how many places the quote stood, and in how many with the same context; `undefined` of an anchor that does not say. */
  readonly count: number | undefined;
  readonly twins: number | undefined;
  readonly around: string;
  /** What part of its surroundings its worst rival had, 0 to 1. */
  readonly rival: number;
}

/** Exact occurrences that are weighed; of a quote with more of them, those around its old place. */
export const MAX_OCCURRENCES = 500;
/** Characters before and after the old place in which the occurrences of such a quote are weighed. */
const AROUND = 5_000;

export function soughtOf({ quote, position, hint }: Anchor): Sought {
  const { exact, prefix, suffix, tail } = quote;
  const folded = { ...quote, exact: fold(exact), prefix: fold(prefix), suffix: fold(suffix), ...(tail === undefined ? {} : { tail: fold(tail) }) };
  const [count, twins, rival, ...around] = typeof hint === "string" ? hint.split(".") : [];
  const known = around.length === 2;
  return { quote: folded, length: quote.length ?? exact.length, position: position.start, count: known ? Number(count) : undefined, twins: known ? Math.max(1, Number(twins)) : undefined, around: around.join("."), rival: known ? Number(rival) / 100 : 0 };
}

/**
 * The places where the quote stands as it was. A long quote is its head and its tail at the right distance.
 * Of a word that is everywhere, only the places around the old one can be told apart.
 */
export function occurrences({ quote, length, position }: Sought, haystack: Haystack, scope?: Scope): Place[] {
  let found = haystack.exact(quote.exact, MAX_OCCURRENCES, scope);
  if (found.length === MAX_OCCURRENCES) found = haystack.exact(quote.exact, MAX_OCCURRENCES, { from: position - AROUND, until: position + AROUND });
  return found.map(({ start }) => ({ start, end: start + length })).filter(({ end }) => endsRight(quote, haystack, end));
}

/** The places where it stands with its whole context on both sides. */
export function inFullContext({ quote, length }: Sought, haystack: Haystack): Place[] {
  const { prefix, exact, suffix, tail } = quote;
  if (prefix === "" && suffix === "") return [];
  const opening = prefix + exact + (tail === undefined ? suffix : "");
  return haystack
    .exact(opening, MAX_OCCURRENCES)
    .map(({ start }) => ({ start: start + prefix.length, end: start + prefix.length + length }))
    .filter(({ end }) => endsRight(quote, haystack, end) && haystack.text.startsWith(suffix, end));
}

function endsRight({ tail }: Quote, { text }: Haystack, end: number): boolean {
  return tail === undefined || (end <= text.length && text.slice(end - tail.length, end) === tail);
}
