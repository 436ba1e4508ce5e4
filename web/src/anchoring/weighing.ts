import { sharedContext, words } from "./evidence";
import type { Haystack } from "./haystack";
import type { Place, Sought } from "./sought";

/** Evidence, in bits, for a place near the old one to be sure, for a guess, and over the next best place. */
export const SURE = 12;
export const GUESS = 14;
export const AHEAD = 6;
/** A letter of a quote that stands there unchanged says so many bits against a twin, up to so many. */
const LETTER = 1 / 8;
const MOST_LETTERS = 8;
/** Far from the old place both sides' context must stand there, with so many bits in all and on each side: else a twin will do. */
const SURE_FAR = 50;
const SIDE_FAR = 12;
/** And so much of all the context that there was. */
const SHARE_FAR = 0.6;
/** Another place that has so many bits more of one side's context: the neighbours were torn apart. */
const TORN = 12;
/** Nearness to the old place says so many bits at most, and one less for each doubling of so many characters. */
const MOST_NEARNESS = 6;
const NEAR = 16;

export interface Candidate extends Place {
  /** Bits of the context that stands before and after. */
  readonly before: number;
  readonly after: number;
  /** 0 to 1: the part of the context's bits that is there. */
  readonly share: number;
  readonly evidence: number;
}

/** Places of the quote, weighed: by what of its context is there, how many there are, how near they are to the old one. The best first. */
export function weighed(places: readonly Place[], { quote, length, position }: Sought, haystack: Haystack): Candidate[] {
  const { text } = haystack;
  const prefix = words(quote.prefix);
  const suffix = words(quote.suffix);
  const whole = sharedContext(prefix, prefix, "last") + sharedContext(suffix, suffix, "first");
  const reach = { before: 1.5 * quote.prefix.length, after: 1.5 * quote.suffix.length };
  const unique = Math.min(MOST_LETTERS, LETTER * length);
  const rated = places.map(({ start, end }) => {
    const there = { before: text.slice(Math.max(0, start - reach.before), start), after: text.slice(end, end + reach.after) };
    // An empty context is the edge of the page.
    const before = quote.prefix === "" ? (start === 0 ? SURE : 0) : sharedContext(prefix, words(there.before), "last");
    const after = quote.suffix === "" ? (end === text.length ? SURE : 0) : sharedContext(suffix, words(there.after), "first");
    const near = Math.max(0, MOST_NEARNESS - Math.log2(1 + Math.abs(start - position) / NEAR));
    return {
      start, end, before, after,
      share: Math.min(1, (before + after) / Math.max(1, whole)),
      evidence: before + after + near + unique - Math.log2(places.length),
    };
  });
  return rated.sort((a, b) => b.evidence - a.evidence);
}

/** Whether so much of both sides' context is there that it needs nothing else. */
export function isWhole({ before, after, share }: Pick<Candidate, "before" | "after" | "share">): boolean {
  return before + after >= SURE_FAR && Math.min(before, after) >= SIDE_FAR && share >= SHARE_FAR;
}

/** Whether one place has left the others behind, and none of them has more of one side: then nobody can know. */
export function leads([first, ...others]: readonly Candidate[]): boolean {
  const [second] = others;
  if (first === undefined) return false;
  const ahead = second === undefined || first.evidence - second.evidence >= AHEAD;
  return ahead && !others.some((other) => other.before > first.before + TORN || other.after > first.after + TORN);
}
