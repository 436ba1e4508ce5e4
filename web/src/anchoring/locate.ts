import type { Anchor, Quote } from "../wire/frames";
import { alike } from "./alike";
import { inOrder, words } from "./evidence";
import { Haystack } from "./haystack";
import { type Place, type Scope, type Sought, occurrences, soughtOf } from "./sought";
import { type Neighbourhood, neighbourhoods } from "./surroundings";
import { type Found, type Location, unmoved } from "./unmoved";
import { AHEAD, type Candidate, GUESS, SURE, isWhole, leads, weighed } from "./weighing";

/** So many bits make a neighbourhood sure. */
const SURE_AROUND = 12;
/** With so much of the surroundings, what stands in the quote's stead is the quote. */
const SHARE_AROUND = 0.7;
/** Less of it will do if what stands before and after is as far apart as it was. */
const SHARE_WHOLE = 0.5;
/** And so much more of it than the rival had, unless it is no further than this from the old position. */
const SHARE_AHEAD = 0.04;
const NEARBY = 1_000;
/** So many characters fewer between what stands before and after: more than an edit of the words beside the quote. */
const SHORTER = 40;
/** A quote of so many characters that is on the page once, as it was, is that quote wherever it stands. */
const MANY = 64;
/** So many characters nearer to the place that its surroundings show are one bit. */
const CLOSENESS = 8;
/** Characters on both sides of the old place in which an edited quote is looked for when its surroundings are gone. */
const WIDELY = 10_000;
/** Characters by which the quote may be beside the place that its surroundings show: the words beside it were edited. */
const MARGIN = 64;
/** Between neighbours, near the page's ends too, this much of the context will do. */
const SHARE_BETWEEN = 0.8;
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

/** Finds an anchor in a normalised text. It prefers to say that it does not know to pointing at the wrong words. */
export default function locate(anchor: Anchor, page: string | Haystack): Location {
  const haystack = typeof page === "string" ? new Haystack(page) : page;
  const unchanged = unmoved(anchor, haystack);
  if (unchanged !== null) return unchanged;
  const sought = soughtOf(anchor);
  const near = sought.count === undefined ? [] : neighbourhoods(sought.around, haystack.words, sought.length, sought.position);
  // Its surroundings are unknown, or are gone: then it may be anywhere near its old place.
  return around(sought, haystack, (near[0]?.bits ?? 0) < SURE_AROUND ? [{ ...widely(sought), bits: 0, share: 0, start: undefined, end: undefined }] : near);
}

/** The quote in the neighbourhood that its surroundings show; in one of several they do not tell apart, it is a guess. */
function around(sought: Sought, haystack: Haystack, near: readonly Neighbourhood[]): Location {
  const found = near.map((neighbourhood) => within(sought, haystack, neighbourhood));
  const [only, ...others] = found.filter((location) => location.state !== "orphan");
  if (only === undefined) return moved(sought, haystack) ?? found[0] ?? { state: "orphan" };
  return near.length === 1 && others.length === 0 ? only : { ...only, state: "uncertain" };
}

/** The quote in its neighbourhood: between its old neighbours, or by its own words. */
function within(sought: Sought, haystack: Haystack, near: Neighbourhood): Location {
  const scope = scopeOf(near);
  const ranked = weighed(occurrences(sought, haystack, scope), sought, haystack);
  const there = fitting(ranked, near);
  const [only] = there;
  if (only !== undefined && isUnique(only, sought, haystack)) return { state: "anchored", start: only.start, end: only.end };
  const between = fromNeighbours(sought, haystack, near);
  if (between !== null && between.state !== "uncertain") return between;
  if (only !== undefined && (there.length === 1 || leads(there))) {
    const sure = isKnown(near, sought) && !isShorter(near, sought.length);
    return { state: sure ? "anchored" : "uncertain", start: only.start, end: only.end };
  }
  // An edited quote away from its old neighbours is as good as its context: the next paragraph may be a lot like it.
  const reworded = (): Found | null => choose(edited(sought, haystack, scope), "changed", (place) => isWhole(place) && (near.share === 0 || fits(place, near)));
  return between ?? choose(ranked, "anchored", (place) => near.share === 0 && isWhole(place)) ?? reworded() ?? orphan(near.start ?? near.end);
}

/** The best of some places: of this state if it is sure, else a guess if it is worth one; `lone` if being the only one makes it so. */
function choose(ranked: readonly Candidate[], state: Found["state"], sure: (place: Candidate) => boolean, lone = false): Found | null {
  const [first] = ranked;
  if (first === undefined) return null;
  const { start, end } = first;
  if (sure(first) && leads(ranked)) return { state, start, end };
  return first.evidence >= GUESS || (lone && ranked.length === 1) ? { state: "uncertain", start, end } : null;
}

function never(): boolean {
  return false;
}

function orphan(start: number | undefined): Location {
  return start === undefined ? { state: "orphan" } : { state: "orphan", start };
}

/** The places that fit, the best first. */
function fitting(places: readonly Candidate[], near: Neighbourhood): Candidate[] {
  return places
    .filter((place) => fits(place, near))
    .map((place) => ({ ...place, evidence: place.evidence + closeness(place, near) }))
    .sort((a, b) => b.evidence - a.evidence);
}

/** Whether the quote stood in one place only and still does, with something of its context or with many words. */
function isUnique({ before, after }: Candidate, sought: Sought, haystack: Haystack): boolean {
  return sought.count === 1 && (before + after >= SURE || sought.length >= MANY) && occurrences(sought, haystack).length === 1;
}

/** Bits for a place by how exactly it is where what stands before it and after it says. */
function closeness({ start, end }: Place, near: Neighbourhood): number {
  const off = (at: number, expected: number | undefined): number => Math.min(MARGIN, expected === undefined ? MARGIN / 2 : Math.abs(at - expected));
  return (MARGIN - off(start, near.start) - off(end, near.end)) / CLOSENESS;
}

/** Where the quote is looked for with edits when its surroundings do not tell. */
function widely({ position }: Sought): Scope {
  return { from: position - WIDELY, until: position + WIDELY };
}

function scopeOf({ from, until }: Neighbourhood): Scope {
  return { from: from - MARGIN, until: until + MARGIN };
}

/** Whether a place is where what stands before it, or what stands after it, says that the quote is. */
function fits({ start, end }: Place, near: Neighbourhood): boolean {
  return (near.start !== undefined && Math.abs(start - near.start) <= MARGIN) || (near.end !== undefined && Math.abs(end - near.end) <= MARGIN);
}

/** Whether this is the old neighbourhood, and not its rival. */
function isKnown({ share, from, until, start, end }: Neighbourhood, { length, position, rival }: Sought): boolean {
  const close = from - NEARBY <= position && position <= until + NEARBY;
  const whole = start !== undefined && end !== undefined && Math.abs(end - start - length) <= MARGIN;
  return share >= (whole && rival === 0 ? SHARE_WHOLE : SHARE_AROUND) && (close || share > rival + SHARE_AHEAD);
}

/** Whether something was taken out between what stood before the quote and what stood after it: perhaps the quote. */
function isShorter({ start, end }: Neighbourhood, length: number): boolean {
  return start !== undefined && end !== undefined && end - start < length - SHORTER;
}

/** Not where it was, but no place of it is missing: it was moved. If it was edited too, it is a guess. */
function moved(sought: Sought, haystack: Haystack): Found | null {
  const exact = occurrences(sought, haystack);
  const lone = sought.length >= LONE_LENGTH;
  if (lone && exact.length === 0) return choose(edited(sought, haystack, widely(sought), LONE_TEXT), "uncertain", never, lone);
  if (exact.length < (sought.count ?? 1)) return null;
  return choose(weighed(exact, sought, haystack), "anchored", (place) => isWhole(place) || isUnique(place, sought, haystack), lone);
}

/** The region between the old neighbours is the quote, however it was rewritten; an empty one says it was deleted. */
function fromNeighbours(sought: Sought, haystack: Haystack, near: Neighbourhood): Location | null {
  const { quote, length } = sought;
  const regions = weighed(betweenNeighbours(sought, haystack, scopeOf(near)), sought, haystack);
  const there = fitting(regions, near);
  const [first, second] = there.length > 0 ? there : regions;
  if (first === undefined) return null;
  const { start, end } = first;
  const region = haystack.text.slice(start, end);
  const least = words(quote.exact).length <= BRIEF ? SAME_BRIEF : SAME_BETWEEN;
  if (region.length < Math.min(2, length) || similarity(quote, region) < least) return { state: "orphan", start };
  const ahead = second === undefined || first.evidence - second.evidence >= AHEAD;
  const same = quote.tail === undefined && region === quote.exact;
  const alone = sought.twins === undefined || (sought.twins === 1 && sought.rival === 0);
  const sure = near.share === 0 ? alone && (isWhole(first) || first.share >= SHARE_BETWEEN) : fits(first, near) && isKnown(near, sought) && !isShorter(near, region.length);
  return { state: sure && ahead ? (same ? "anchored" : "changed") : "uncertain", start, end };
}

/** The regions that lie between the quote's old neighbours; a twin of the sentence has another such region. */
function betweenNeighbours({ quote, length }: Sought, haystack: Haystack, scope: Scope): Place[] {
  const { text } = haystack;
  // Without the spaces beside the quote: of two, only one is left when it is deleted.
  const before = quote.prefix.slice(-EDGE).trim();
  const after = quote.suffix.slice(0, EDGE).trim();
  if (before.length < MIN_EDGE || after.length < MIN_EDGE) return [];
  return haystack.near(before, errorsIn(before), { from: scope.from - before.length, until: scope.until }).flatMap((left) => {
    const window = text.slice(left.end, left.end + GROWTH * length + EDGE + after.length);
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
  return alike(window, piece, errorsIn(piece))[0];
}

/** The places where the quote stands with edits, weighed. */
function edited(sought: Sought, haystack: Haystack, scope: Scope, least = SAME_TEXT): Candidate[] {
  const { quote, length } = sought;
  const places = haystack.near(quote.exact, Math.floor(quote.exact.length * (1 - least)), scope).flatMap(({ start, end }) => {
    if (quote.tail === undefined) return [{ start, end }];
    const whole = endOfTail(quote.tail, haystack.text, start, length);
    return whole === null ? [] : [{ start, end: whole }];
  });
  const own = words(quote.exact);
  const chance = Math.log2(haystack.text.length + 1);
  return weighed(places, sought, haystack)
    .map((candidate) => {
      const kept = inOrder(own, words(haystack.text.slice(candidate.start, candidate.end)));
      return { ...candidate, evidence: candidate.evidence + Math.min(0, kept - chance) };
    })
    .sort((a, b) => b.evidence - a.evidence);
}

function endOfTail(tail: string, text: string, start: number, length: number): number | null {
  const from = start + Math.floor(length / 2);
  const found = inWindow(tail, text.slice(from, start + GROWTH * length));
  return found === undefined ? null : from + found.end;
}

/** 0 to 1: the part of the quote that the region still has, in words or in letters, in order. */
function similarity(quote: Quote, region: string): number {
  const own = words(quote.exact + (quote.tail === undefined ? "" : ` ${quote.tail}`));
  const whole = inOrder(own, own);
  const byWords = whole === 0 ? 0 : inOrder(own, words(region)) / whole;
  if (byWords >= SAME_TEXT) return byWords;
  const errors = alike(region, quote.exact, Math.floor(quote.exact.length / 2))[0]?.errors;
  return Math.max(byWords, errors === undefined ? 0 : 1 - errors / quote.exact.length);
}
