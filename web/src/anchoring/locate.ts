import search from "approx-string-match";
import type { Anchor, Quote } from "../wire/frames";
import { inOrder, sharedContext, words } from "./evidence";
import { Seeds, fold } from "./seeds";

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

/** Exact occurrences that are weighed; of a quote with more of them, those around its old place. */
const MAX_OCCURRENCES = 500;
/** Characters before and after the old place in which the occurrences of such a quote are weighed. */
const AROUND = 5_000;
/** Evidence, in bits, for a place near the old one to be sure, for a guess, and over the next best place. */
const SURE = 12;
const GUESS = 14;
const AHEAD = 6;
/** Within so many characters of the old place, evidence to be sure where the nearness itself says little: a common word. */
const CLOSE = 100;
const SURE_CLOSE = 24;
/** A letter of a quote that stands there unchanged says so many bits against a twin, up to so many. */
const LETTER = 1 / 8;
const MOST_LETTERS = 8;
/** So many bits of nearness make a place near. */
const NEAR = 4;
/** Far from the old place both sides' context must stand there, with so many bits in all and on each side: else a twin will do. */
const SURE_FAR = 50;
const SIDE_FAR = 12;
/** And so much of all the context that there was. */
const SHARE_FAR = 0.6;
/** Between neighbours, near the page's ends too, this much of the context will do. */
const SHARE_BETWEEN = 0.8;
/** Another place that has so many bits more of one side's context: the neighbours were torn apart. */
const TORN = 12;
/** Words alone, nothing around them, are worth a guess at this length. */
const LONE_LENGTH = 32;
/** And with this part of them unchanged. */
const LONE_TEXT = 0.8;
/** An edited quote away from its neighbours has at least this part of itself. */
const SAME_TEXT = 0.5;
/** Between its neighbours less of it will do, least of all where one word is a third of it. */
const SAME_BETWEEN = 0.4;
const SAME_BRIEF = 0.12;
const BRIEF = 8;
/** Characters of a context's near end that are looked for when the quote itself is not there. */
const EDGE = 32;
/** Near the page's ends there is less of it; below this it says nothing. */
const MIN_EDGE = 8;
/** A quote may have grown to so many times its size, and this much more, between its old neighbours. */
const GROWTH = 3;
/** Characters around a place in which its nearness to the old position is measured, and what nearness says at most. */
const NEARBY = 2_000;
const MOST_NEARNESS = 8;

interface Place {
  readonly start: number;
  readonly end: number;
}

interface Candidate extends Place {
  /** Bits of the context that stands before and after. */
  readonly before: number;
  readonly after: number;
  /** 0 to 1: the part of the context's bits that is there. */
  readonly share: number;
  readonly near: number;
  readonly distance: number;
  readonly evidence: number;
}

/** Finds an anchor in a normalised text. It prefers to say that it does not know to pointing at the wrong words. */
export function locate(anchor: Anchor, page: string | Seeds): Location {
  const seeds = typeof page === "string" ? new Seeds(page) : page;
  const { position } = anchor;
  const quote = folded(anchor.quote);
  if (quote.exact === "") return { state: "orphan" };
  const unchanged = inFullContext(quote, seeds, position.start);
  if (unchanged !== null) return unchanged;
  const between = fromNeighbours(quote, seeds, position.start);
  if (between !== null && between.state !== "orphan") return between;
  const exact = occurrences(quote, seeds, position.start);
  // The old neighbours closed the gap: what stands elsewhere was moved there, or is a twin of what was deleted.
  if (between !== null) return guess(exact.length > 0 ? exact : edited(quote, seeds, position.start), quote, seeds) ?? between;
  const elsewhere = best(weighed(exact, quote, seeds, position.start), quote, "anchored") ?? best(edited(quote, seeds, position.start), quote, "changed");
  return elsewhere ?? orphan(quote, seeds);
}

function folded(quote: Quote): Quote {
  const { exact, prefix, suffix, tail } = quote;
  return { ...quote, exact: fold(exact), prefix: fold(prefix), suffix: fold(suffix), ...(tail === undefined ? {} : { tail: fold(tail) }) };
}

function lengthOf(quote: Quote): number {
  return quote.length ?? quote.exact.length;
}

/** The quote with its whole context on both sides: the usual case, and one plain search. */
function inFullContext(quote: Quote, { text }: Seeds, position: number): Found | null {
  if (quote.prefix === "" && quote.suffix === "") return null;
  const opening = quote.prefix + quote.exact + (quote.tail === undefined ? quote.suffix : "");
  const length = lengthOf(quote);
  const starts: number[] = [];
  for (let at = text.indexOf(opening); at !== -1 && starts.length < MAX_OCCURRENCES; at = text.indexOf(opening, at + 1)) {
    const start = at + quote.prefix.length;
    if (quote.tail === undefined || text.startsWith(quote.tail + quote.suffix, start + length - quote.tail.length)) starts.push(start);
  }
  const [first] = starts;
  if (first === undefined) return null;
  const nearest = starts.reduce((near, start) => (Math.abs(start - position) < Math.abs(near - position) ? start : near), first);
  const sure = starts.length === 1 || nearest === position;
  return { state: sure ? "anchored" : "uncertain", start: nearest, end: nearest + length };
}

/**
 * The places where the quote stands as it was. A long quote is its head and its tail at the right distance.
 * Of a word that is everywhere, only the places around the old one can be told apart.
 */
function occurrences(quote: Quote, seeds: Seeds, position: number): Place[] {
  const { tail } = quote;
  let found = seeds.exact(quote.exact, MAX_OCCURRENCES);
  if (found.length === MAX_OCCURRENCES) found = seeds.exact(quote.exact, MAX_OCCURRENCES, position - AROUND, position + AROUND);
  return found
    .map(({ start }) => ({ start, end: start + lengthOf(quote) }))
    .filter(({ end }) => tail === undefined || seeds.text.slice(end - tail.length, end) === tail);
}

/** Places of the quote, weighed: by what of its context is there, how many there are, how near they are to the old one. */
function weighed(places: readonly Place[], quote: Quote, { text }: Seeds, position: number): Candidate[] {
  const prefix = words(quote.prefix);
  const suffix = words(quote.suffix);
  const whole = sharedContext(prefix, prefix, "last") + sharedContext(suffix, suffix, "first");
  const reach = { before: 1.5 * quote.prefix.length, after: 1.5 * quote.suffix.length };
  const unique = Math.min(MOST_LETTERS, LETTER * lengthOf(quote));
  return places.map(({ start, end }) => {
    const around = { before: text.slice(Math.max(0, start - reach.before), start), after: text.slice(end, end + reach.after) };
    // An empty context is the edge of the page.
    const before = quote.prefix === "" ? (start === 0 ? SURE : 0) : sharedContext(prefix, words(around.before), "last");
    const after = quote.suffix === "" ? (end === text.length ? SURE : 0) : sharedContext(suffix, words(around.after), "first");
    const near = nearness(start, places, position);
    return { start, end, before, after, share: Math.min(1, (before + after) / Math.max(1, whole)), near, distance: Math.abs(start - position), evidence: before + after + near + unique - Math.log2(places.length) };
  });
}

/** How much it says that a place is so near to the old one: next to nothing where there are many. */
function nearness(start: number, places: readonly Place[], position: number): number {
  const rivals = Math.max(1, places.filter((place) => Math.abs(place.start - position) < NEARBY).length);
  const chance = (2 * (Math.abs(start - position) + 8) * rivals) / (2 * NEARBY);
  return Math.min(MOST_NEARNESS, Math.max(0, -Math.log2(chance)));
}

function best(candidates: readonly Candidate[], quote: Quote, state: "anchored" | "changed"): Found | null {
  const ranked = [...candidates].sort((a, b) => b.evidence - a.evidence);
  const [first, second] = ranked;
  if (first === undefined) return null;
  const place = { start: first.start, end: first.end };
  const ahead = second === undefined || first.evidence - second.evidence >= AHEAD;
  // One neighbour stays by the quote while the other one stays by its twin: nobody can know.
  const torn = ranked.slice(1).some((other) => other.before > first.before + TORN || other.after > first.after + TORN);
  if (isSure(first) && ahead && !torn) return { state, ...place };
  if (first.evidence >= GUESS || (candidates.length === 1 && state === "anchored" && lengthOf(quote) >= LONE_LENGTH)) return { state: "uncertain", ...place };
  return null;
}

/** The only place of a long quote, without any of its context. */
function guess(places: readonly Place[], quote: Quote, { text }: Seeds): Found | null {
  const alike = places.filter(({ start, end }) => similarity(quote, text.slice(start, end)) >= LONE_TEXT);
  const [only] = alike;
  if (only === undefined || alike.length > 1 || lengthOf(quote) < LONE_LENGTH) return null;
  return { state: "uncertain", start: only.start, end: only.end };
}

function isSure({ before, after, share, near, distance, evidence }: Candidate): boolean {
  if (near >= NEAR && evidence >= SURE) return true;
  if (distance <= CLOSE && evidence >= SURE_CLOSE) return true;
  return before + after >= SURE_FAR && Math.min(before, after) >= SIDE_FAR && share >= SHARE_FAR;
}

/** The region between the old neighbours is the quote, however it was rewritten; an empty one says it was deleted. */
function fromNeighbours(quote: Quote, seeds: Seeds, position: number): Location | null {
  const regions = betweenNeighbours(quote, seeds);
  const [first, second] = weighed(regions, quote, seeds, position).sort((a, b) => b.evidence - a.evidence);
  if (first === undefined) return null;
  const { start, end } = first;
  const region = seeds.text.slice(start, end);
  const least = words(quote.exact).length <= BRIEF ? SAME_BRIEF : SAME_BETWEEN;
  if (region.length < Math.min(2, lengthOf(quote)) || similarity(quote, region) < least) return { state: "orphan", start };
  const ahead = second === undefined || first.evidence - second.evidence >= AHEAD;
  const same = quote.tail === undefined && region === quote.exact;
  const sure = ahead && (isSure(first) || first.share >= SHARE_BETWEEN);
  return { state: sure ? (same ? "anchored" : "changed") : "uncertain", start, end };
}

/** The regions that lie between the quote's old neighbours; a twin of the sentence has another such region. */
function betweenNeighbours(quote: Quote, seeds: Seeds): Place[] {
  const { text } = seeds;
  const before = quote.prefix.slice(-EDGE);
  const after = quote.suffix.slice(0, EDGE);
  if (before.trim().length < MIN_EDGE || after.trim().length < MIN_EDGE) return [];
  return seeds.near(before, errorsIn(before)).flatMap((left) => {
    const window = text.slice(left.end, left.end + GROWTH * lengthOf(quote) + EDGE + after.length);
    const right = inWindow(after, window);
    if (right === undefined) return [];
    let start = left.end;
    let end = left.end + right.start;
    while (start < end && text[start] === " ") start += 1;
    while (end > start && text[end - 1] === " ") end -= 1;
    const at = quote.tail === undefined ? text.indexOf(quote.exact, start) : -1;
    // The quote as it was, with words put in beside it.
    return at !== -1 && at + quote.exact.length <= end ? [{ start: at, end: at + quote.exact.length }] : [{ start, end }];
  });
}

function errorsIn(piece: string): number {
  return Math.floor(piece.length * 0.25);
}

function inWindow(piece: string, window: string): Place | undefined {
  const at = window.indexOf(piece);
  if (at !== -1) return { start: at, end: at + piece.length };
  return search(window, piece, errorsIn(piece)).sort((a, b) => a.errors - b.errors)[0];
}

/** The places where the quote stands with edits, weighed. */
function edited(quote: Quote, seeds: Seeds, position: number): Candidate[] {
  const length = lengthOf(quote);
  const places = seeds.near(quote.exact, Math.floor(quote.exact.length * (1 - SAME_TEXT))).flatMap(({ start, end }) => {
    if (quote.tail === undefined) return [{ start, end }];
    const whole = endOfTail(quote.tail, seeds.text, start, length);
    return whole === null ? [] : [{ start, end: whole }];
  });
  const own = words(quote.exact);
  const chance = Math.log2(seeds.text.length + 1);
  return weighed(places, quote, seeds, position).map((candidate) => {
    const kept = inOrder(own, words(seeds.text.slice(candidate.start, candidate.end)));
    return { ...candidate, evidence: candidate.evidence + Math.min(0, kept - chance) };
  });
}

function endOfTail(tail: string, text: string, start: number, length: number): number | null {
  const from = start + Math.floor(length / 2);
  const found = inWindow(tail, text.slice(from, start + GROWTH * length));
  return found === undefined ? null : from + found.end;
}

/** Gone. The neighbour that is still there says where it was. */
function orphan(quote: Quote, seeds: Seeds): Location {
  const before = quote.prefix.slice(-EDGE);
  const left = seeds.near(before, errorsIn(before))[0];
  if (left !== undefined) return { state: "orphan", start: left.end };
  const after = quote.suffix.slice(0, EDGE);
  const right = seeds.near(after, errorsIn(after))[0];
  return right === undefined ? { state: "orphan" } : { state: "orphan", start: right.start };
}

/** 0 to 1: the part of the quote that the region still has, in words or in letters, in order. */
function similarity(quote: Quote, region: string): number {
  const own = words(quote.exact + (quote.tail === undefined ? "" : ` ${quote.tail}`));
  const whole = inOrder(own, own);
  const byWords = whole === 0 ? 0 : inOrder(own, words(region)) / whole;
  if (byWords >= SAME_TEXT) return byWords;
  const errors = search(region, quote.exact, Math.floor(quote.exact.length / 2))[0]?.errors;
  return Math.max(byWords, errors === undefined ? 0 : 1 - errors / quote.exact.length);
}
