import search from "approx-string-match";
import type { Anchor, Quote } from "../wire/frames";

export interface Found {
  readonly state: "anchored" | "changed" | "uncertain";
  readonly start: number;
  readonly end: number;
}

/**
 * Where an annotation is now.
 * `anchored`: the very words, in their place. `changed`: the place is sure, the words were edited.
 * `uncertain`: the likeliest of several places, shown as a guess. `orphan`: gone; `start` says where it was, if known.
 */
export type Location = Found | { readonly state: "orphan"; readonly start?: number };

/** Exact occurrences that are weighed; a quote with more of them than this needs its context to be found. */
const MAX_OCCURRENCES = 500;
/** Context counts as found with this part of it in place. */
const STRONG = 0.8;
const WEAK = 0.3;
/** Edited text counts as the quote with this part of it unchanged. */
const SAME_TEXT = 0.5;
/** Without any context an edited quote must be this long, and this much itself. */
const LONE_LENGTH = 32;
const LONE_TEXT = 0.8;
/** Characters of a context's near end that are looked for when the quote itself is not there. */
const EDGE = 32;
/** Near the page's ends there is less of it; below this it says nothing. */
const MIN_EDGE = 8;
/** A quote may have grown to so many times its size, and this much more, between its old neighbours. */
const GROWTH = 3;

interface Candidate {
  readonly start: number;
  readonly end: number;
  /** 0 to 1: how much of the context stands before and after. */
  readonly before: number;
  readonly after: number;
}

/** Finds an anchor in a normalised text. It prefers to say that it does not know to pointing at the wrong words. */
export function locate(anchor: Anchor, text: string): Location {
  const { quote, position } = anchor;
  if (quote.exact === "") return { state: "orphan" };
  const unchanged = inFullContext(quote, text, position.start);
  if (unchanged !== null) return unchanged;
  const between = fromNeighbours(quote, text);
  if (between !== null && between.state !== "orphan") return between;
  const exact = occurrences(quote, text).map((found) => withContext(found, quote, text));
  const elsewhere = fromExact(exact, quote, position.start) ?? fromEdited(quote, text);
  if (elsewhere === null) return between ?? orphan(quote, text);
  // The old neighbours closed the gap and the words stand elsewhere: moved there, or a twin of what was deleted.
  return between === null ? elsewhere : { ...elsewhere, state: "uncertain" };
}

/** The quote with its whole context on both sides: the usual case, and one plain search. */
function inFullContext(quote: Quote, text: string, position: number): Found | null {
  if (quote.prefix === "" && quote.suffix === "") return null;
  const opening = quote.prefix + quote.exact + (quote.tail === undefined ? quote.suffix : "");
  const length = quote.length ?? quote.exact.length;
  const starts: number[] = [];
  for (let at = text.indexOf(opening); at !== -1 && starts.length < MAX_OCCURRENCES; at = text.indexOf(opening, at + 1)) {
    const start = at + quote.prefix.length;
    if (quote.tail === undefined || text.startsWith(quote.tail + quote.suffix, start + length - quote.tail.length)) starts.push(start);
  }
  const [first] = starts;
  if (first === undefined) return null;
  const nearest = starts.reduce((best, start) => (Math.abs(start - position) < Math.abs(best - position) ? start : best), first);
  const sure = starts.length === 1 || nearest === position;
  return { state: sure ? "anchored" : "uncertain", start: nearest, end: nearest + length };
}

/** The places where the quote stands as it was. A long quote is its head and its tail at the right distance. */
function occurrences(quote: Quote, text: string): { start: number; end: number }[] {
  const found: { start: number; end: number }[] = [];
  for (let at = text.indexOf(quote.exact); at !== -1 && found.length < MAX_OCCURRENCES; at = text.indexOf(quote.exact, at + 1)) {
    const end = at + (quote.length ?? quote.exact.length);
    if (quote.tail === undefined || text.slice(end - quote.tail.length, end) === quote.tail) found.push({ start: at, end });
  }
  return found;
}

function fromExact(candidates: Candidate[], quote: Quote, position: number): Found | null {
  if (candidates.length === 0) return null;
  const ranked = [...candidates].sort(
    (a, b) => weight(b) - weight(a) || Math.abs(a.start - position) - Math.abs(b.start - position),
  );
  const [best, second] = ranked;
  if (best === undefined) return null;
  const place = { start: best.start, end: best.end };
  const distinct = second === undefined || weight(best) - weight(second) > 0.25;
  if (best.before >= STRONG && best.after >= STRONG) {
    return { state: distinct || best.start === position ? "anchored" : "uncertain", ...place };
  }
  // One neighbour stays by the quote while the other one stays by its twin: nobody can know.
  const torn = second !== undefined && (second.before > best.before + WEAK || second.after > best.after + WEAK);
  const supported = Math.max(best.before, best.after);
  if (supported >= STRONG) return { state: distinct && !torn ? "anchored" : "uncertain", ...place };
  const telling = (quote.length ?? quote.exact.length) >= LONE_LENGTH;
  if (supported >= WEAK && (distinct || telling)) return { state: distinct && telling ? "anchored" : "uncertain", ...place };
  if (telling && candidates.length === 1) return { state: "anchored", ...place };
  return null;
}

/** The region between the old neighbours is the quote, however it was rewritten; an empty one says it was deleted. */
function fromNeighbours(quote: Quote, text: string): Location | null {
  const before = quote.prefix.slice(-EDGE);
  const after = quote.suffix.slice(0, EDGE);
  if (before.trim().length < MIN_EDGE || after.trim().length < MIN_EDGE) return null;
  const length = quote.length ?? quote.exact.length;
  for (const left of places(before, text)) {
    const window = text.slice(left.end, left.end + GROWTH * length + EDGE + after.length);
    const right = places(after, window)[0];
    if (right === undefined) continue;
    let start = left.end;
    let end = left.end + right.start;
    while (start < end && text[start] === " ") start += 1;
    while (end > start && text[end - 1] === " ") end -= 1;
    if (end - start < 2) return { state: "orphan", start: left.end };
    if (quote.tail === undefined && text.slice(start, end) === quote.exact) return { state: "anchored", start, end };
    const alike = similarity(quote, text.slice(start, end));
    if (alike >= SAME_TEXT) return { state: "changed", start, end };
    return { state: "orphan", start };
  }
  return null;
}

/** The quote with edits, somewhere: sure with a neighbour beside it, or long and nearly itself and the only one. */
function fromEdited(quote: Quote, text: string): Found | null {
  const length = quote.length ?? quote.exact.length;
  const matches = places(quote.exact, text, Math.floor(quote.exact.length * 0.35));
  const candidates = matches.map(({ start, end, errors }) => {
    const whole = quote.tail === undefined ? end : endOfTail(quote.tail, text, start, length);
    return { ...withContext({ start, end: whole ?? end }, quote, text), alike: whole === null ? 0 : 1 - errors / quote.exact.length };
  });
  const ranked = candidates.sort((a, b) => weight(b) + b.alike - weight(a) - a.alike);
  const [best, second] = ranked;
  if (best === undefined) return null;
  const place = { start: best.start, end: best.end };
  const distinct = second === undefined || weight(best) + best.alike - weight(second) - second.alike > 0.2;
  const support = Math.max(best.before, best.after);
  if (support >= STRONG && best.alike >= SAME_TEXT && length >= 8) return { state: distinct ? "changed" : "uncertain", ...place };
  if (support >= WEAK && best.alike >= LONE_TEXT && length >= LONE_LENGTH) return { state: distinct ? "changed" : "uncertain", ...place };
  if (best.alike >= LONE_TEXT && length >= LONE_LENGTH && distinct) return { state: "changed", ...place };
  return null;
}

function endOfTail(tail: string, text: string, start: number, length: number): number | null {
  const from = start + Math.floor(length / 2);
  const found = places(tail, text.slice(from, start + GROWTH * length))[0];
  return found === undefined ? null : from + found.end;
}

/** Gone. The neighbour that is still there says where it was. */
function orphan(quote: Quote, text: string): Location {
  const left = places(quote.prefix.slice(-EDGE), text)[0];
  if (left !== undefined) return { state: "orphan", start: left.end };
  const right = places(quote.suffix.slice(0, EDGE), text)[0];
  return right === undefined ? { state: "orphan" } : { state: "orphan", start: right.start };
}

/** Where a piece of text stands: exactly, else with a few errors; the best ones, in the order of the text. */
function places(piece: string, text: string, maxErrors = Math.floor(piece.length * 0.25)): { start: number; end: number; errors: number }[] {
  if (piece.length < 4) return [];
  const exact: { start: number; end: number; errors: number }[] = [];
  for (let at = text.indexOf(piece); at !== -1 && exact.length < 8; at = text.indexOf(piece, at + 1)) {
    exact.push({ start: at, end: at + piece.length, errors: 0 });
  }
  return exact.length > 0 ? exact : search(text, piece, maxErrors).slice(0, 8);
}

function withContext({ start, end }: { start: number; end: number }, quote: Quote, text: string): Candidate {
  return {
    start,
    end,
    before: nearEnd(quote.prefix, text.slice(Math.max(0, start - quote.prefix.length), start)),
    after: nearStart(quote.suffix, text.slice(end, end + quote.suffix.length)),
  };
}

function weight(candidate: Candidate): number {
  return (candidate.before + candidate.after) / 2;
}

/** The part of `context` that `text` shares, counted from its end. An empty context is the edge of the page. */
function nearEnd(context: string, text: string): number {
  if (context === "") return text === "" ? 1 : 0;
  let shared = 0;
  while (shared < context.length && context[context.length - 1 - shared] === text[text.length - 1 - shared]) shared += 1;
  return Math.max(shared / context.length, fuzzy(context, text));
}

function nearStart(context: string, text: string): number {
  if (context === "") return text === "" ? 1 : 0;
  let shared = 0;
  while (shared < context.length && context[shared] === text[shared]) shared += 1;
  return Math.max(shared / context.length, fuzzy(context, text));
}

/** 1 minus the errors per character, where they are few; 0 otherwise. */
function fuzzy(context: string, text: string): number {
  if (context.length < 8) return 0;
  const most = Math.floor(context.length * 0.3);
  const errors = search(text, context, most)[0]?.errors;
  return errors === undefined ? 0 : 1 - errors / context.length;
}

/** 0 to 1: the part of the quote's words that the region still has, in order. */
function similarity(quote: Quote, region: string): number {
  const words = (quote.exact + (quote.tail === undefined ? "" : ` ${quote.tail}`)).split(" ");
  const there = region.split(" ");
  let row = new Array<number>(there.length + 1).fill(0);
  for (const word of words) {
    const next = [0];
    there.forEach((other, at) => {
      next.push(word === other ? (row[at] ?? 0) + 1 : Math.max(row[at + 1] ?? 0, next[at] ?? 0));
    });
    row = next;
  }
  const byWords = (row.at(-1) ?? 0) / words.length;
  if (words.length > 3) return byWords;
  const errors = search(region, quote.exact, Math.floor(quote.exact.length / 2))[0]?.errors;
  return Math.max(byWords, errors === undefined ? 0 : 1 - errors / quote.exact.length);
}
