import type { Anchor } from "../wire/frames";
import type { Haystack } from "./haystack";
import { type Place, inFullContext, soughtOf } from "./sought";

export interface Found extends Place {
  readonly state: "anchored" | "changed" | "uncertain";
}

/**
 * Where an annotation is now.
 * `anchored`: the very words, in their place. `changed`: the place is sure, the words were edited.
 * `uncertain`: the likeliest of several places, shown as a guess. `orphan`: gone; `start` says where it was, if known.
 */
export type Location = Found | { readonly state: "orphan"; readonly start?: number };

/** The quote with its whole context on both sides: the usual case, and one plain search. */
export function unmoved(anchor: Anchor, haystack: Haystack): Location | null {
  const sought = soughtOf(anchor);
  if (sought.quote.exact === "") return { state: "orphan" };
  const places = inFullContext(sought, haystack);
  const [first] = places;
  if (first === undefined) return null;
  const nearest = places.reduce((near, place) => (Math.abs(place.start - sought.position) < Math.abs(near.start - sought.position) ? place : near), first);
  const { twins } = sought;
  if (places.length === 1 && (twins ?? 1) === 1) return { state: "anchored", ...first };
  if (nearest.start === sought.position && places.length >= (twins ?? 1)) return { state: "anchored", ...nearest };
  // Where nothing is known of the twins, nothing more can be found out.
  return twins === undefined ? { state: "uncertain", ...nearest } : null;
}
