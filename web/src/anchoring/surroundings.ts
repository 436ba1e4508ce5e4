import type { WordIndex } from "./words";

/**
 * What stands around a quote beyond its context, in few characters: of each side the rarest words from 64 characters
 * away to 300, and from there to 900, each as a hash and a distance. Twins that share their context hardly share these.
 */
const RINGS = [[64, 300], [300, 900]] as const;
const PER_RING = 4;
/** Characters that a step of a word's distance stands for: 64 of them reach further than the words. */
const STEP = 15;
/** Characters from the quote in which they are looked for: text may have been put in between. */
const REACH = 1_125;
/** How probably a word of the surroundings is still there, if the quote is, and what it says at most, in bits. */
const KEPT = 0.9;
const MOST_WORD = 7;
/** Within so many characters of the old place, the place itself says so much. */
const CLOSE = 1_000;
const CLOSE_BITS = 6;
/** Bits by which one neighbourhood leaves another behind. */
const AHEAD = 4;
const MOST_NEIGHBOURHOODS = 8;

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** A rare word beside a quote: its hash, and how far away it begins, rounded to `STEP`. */
interface Landmark {
  readonly bucket: number;
  readonly distance: number;
}

/** The surroundings of the characters from `start` to before `end`, such as `bQE1xH….9aB_K8…`: before and after. */
export function surroundings(words: WordIndex, start: number, end: number): string {
  const before = RINGS.map(([near, far]) => rarest(words, start - far, start - near, start));
  const after = RINGS.map(([near, far]) => rarest(words, end + near, end + far, end));
  return `${before.join("")}.${after.join("")}`;
}

function rarest(words: WordIndex, from: number, until: number, edge: number): string {
  const distances = new Map<number, number>();
  const [first, end] = words.between(from, until);
  for (let word = first; word < end; word += 1) distances.set(words.bucket(word), Math.abs(words.start(word) - edge));
  return [...distances]
    .sort(([a], [b]) => words.share(a) - words.share(b))
    .slice(0, PER_RING)
    .map(([bucket, distance]) => [bucket >> 6, bucket & 63, Math.round(distance / STEP)].map((digit) => DIGITS.charAt(digit)).join(""))
    .join("");
}

function decoded(tokens: string): Landmark[] {
  return (tokens.match(/[\w-]{3}/g) ?? []).map((token) => {
    const [high = 0, low = 0, distance = 0] = [...token].map((digit) => DIGITS.indexOf(digit));
    return { bucket: (high << 6) + low, distance: distance * STEP };
  });
}

/** A stretch of the text in which the quote would begin, by its surroundings, and the bits that say so. */
export interface Neighbourhood {
  readonly from: number;
  readonly until: number;
  readonly bits: number;
  /** The part of the surroundings' bits that is there, 0 to 1. */
  readonly share: number;
  /** Where the quote would begin by what stands before it, and end by what stands after it; `undefined` where that is not clear. */
  readonly start: number | undefined;
  readonly end: number | undefined;
}

type Level = Pick<Neighbourhood, "from" | "until" | "bits">;

/** The likeliest neighbourhoods of a quote of some length: all that are no more than `AHEAD` bits behind the best, which comes first. */
export function neighbourhoods(around: string, words: WordIndex, length: number, position: number): Neighbourhood[] {
  const [before = [], after = []] = around.split(".", 2).map(decoded);
  const { steps, floor, most } = scored(before, after, words, length);
  steps.push([position - CLOSE, CLOSE_BITS], [position + CLOSE, -CLOSE_BITS]);
  const levels = levelled(steps, floor);
  return peaks(levels).map((level) => ({
    ...level,
    share: Math.max(0, level.bits) / (most + CLOSE_BITS),
    start: edge(before, words, 1, level.from, level.until),
    end: edge(after, words, -1, level.from + length, level.until + length),
  }));
}

/** How much of its surroundings a quote's worst rival has, 0 to 1: the most alike stretch elsewhere on the page. */
export function rivalShare(around: string, words: WordIndex, length: number, start: number): number {
  const [before = [], after = []] = around.split(".", 2).map(decoded);
  const { steps, floor, most } = scored(before, after, words, length);
  const others = levelled(steps, floor).filter(({ from, until }) => until < start - REACH || from > start + REACH);
  return others.reduce((best, { bits }) => Math.max(best, bits), 0) / Math.max(1, most);
}

/** What each stretch of the text has of some landmarks, as steps over a floor, and the most that there could be. */
function scored(before: readonly Landmark[], after: readonly Landmark[], words: WordIndex, length: number): { steps: Step[]; floor: number; most: number } {
  const span = (words.size / Math.max(1, words.length)) * REACH;
  const steps: Step[] = [];
  let floor = 0;
  let most = 0;
  for (const [landmarks, low, high] of [[before, 0, REACH], [after, -REACH - length, -length]] as const) {
    for (const { bucket } of landmarks) {
      const chance = Math.min(0.8, Math.max(1e-3, 1 - (1 - words.share(bucket)) ** span));
      const miss = Math.log2((1 - KEPT) / (1 - chance));
      const hit = Math.min(MOST_WORD, Math.log2(KEPT / chance));
      floor += miss;
      most += hit;
      steps.push(...covered(words.places(bucket), low, high, hit - miss));
    }
  }
  return { steps, floor, most };
}

/** Where most landmarks of one side put the quote's edge; at least two of them, and no other two. */
function edge(landmarks: readonly Landmark[], words: WordIndex, sign: 1 | -1, from: number, until: number): number | undefined {
  const edges = landmarks
    .flatMap(({ bucket, distance }) => [...words.within(bucket, from - REACH, until + REACH)].map((place) => place + sign * distance))
    .filter((at) => at >= from - REACH / 2 && at <= until + REACH / 2)
    .sort((a, b) => a - b);
  let [found, most]: [number | undefined, number] = [undefined, 1];
  for (const [index, at] of edges.entries()) {
    const votes = edges.slice(index).filter((other) => other - at <= 2 * STEP).length;
    if (votes > most) [found, most] = [edges[index + (votes >> 1)], votes];
  }
  return found;
}

type Step = readonly [at: number, bits: number];

/** The stretches that lie so far from any of some places, as steps up and down. */
function covered(places: Int32Array, low: number, high: number, bits: number): Step[] {
  const steps: Step[] = [];
  let end = -Infinity;
  for (const place of places) {
    if (place + low > end) {
      if (end !== -Infinity) steps.push([end, -bits]);
      steps.push([place + low, bits]);
    }
    end = place + high;
  }
  if (end !== -Infinity) steps.push([end, -bits]);
  return steps;
}

function levelled(steps: readonly Step[], floor: number): Level[] {
  const sorted = [...steps].sort((a, b) => a[0] - b[0]);
  let bits = floor;
  return sorted.flatMap(([at, change], index) => {
    bits += change;
    const until = sorted[index + 1]?.[0] ?? at;
    return until > at ? [{ from: at, until, bits }] : [];
  });
}

function peaks(levels: readonly Level[]): Level[] {
  const best = levels.reduce((most, { bits }) => Math.max(most, bits), -Infinity);
  const found: Level[] = [];
  for (const level of levels) {
    if (level.bits < best - AHEAD) continue;
    const last = found.at(-1);
    if (last !== undefined && level.from - last.until < REACH) found[found.length - 1] = { from: last.from, until: level.until, bits: Math.max(last.bits, level.bits) };
    else found.push(level);
  }
  return found.sort((a, b) => b.bits - a.bits).slice(0, MOST_NEIGHBOURHOODS);
}
