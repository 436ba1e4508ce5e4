import search from "approx-string-match";

export interface Match {
  readonly start: number;
  readonly end: number;
  readonly errors: number;
}

/** Characters of a seed: of a script with spaces, and of one without, where each character says more. */
const SEED = 5;
const DENSE_SEED = 3;
const BUCKETS = 1 << 17;
/** Places of a piece's rarest seeds that are weighed, at most; commoner seeds say little. */
const MAX_PLACES = 2_000;
/** Neighbourhoods that are compared with a piece letter by letter, at most. */
const MAX_WINDOWS = 6;
/** Exact places that are told, at most. */
const MAX_EXACT = 8;

/** Scripts without spaces between words: Thai to Lao, Khmer, Chinese, Japanese, Korean. */
function isDense(unit: number): boolean {
  return (unit >= 0x0e00 && unit <= 0x0eff) || (unit >= 0x1780 && unit <= 0x17ff) || (unit >= 0x2e80 && unit <= 0xd7af);
}

/** Quotes and dashes as a keyboard has them: an editor's typesetting is no change. Keeps every offset. */
export function fold(text: string): string {
  return text.replace(/[‘’‚‛′“”„‟″«»‐-―−\u00a0\u202f]/g, (mark) => ("‘’‚‛′".includes(mark) ? "'" : "“”„‟″«»".includes(mark) ? '"' : /\s/.test(mark) ? " " : "-"));
}

/**
 * A text in which pieces are found again that may have been edited. Edited pieces are looked for where their
 * seeds (the first characters of words) stand, not everywhere: the index is built when it is first needed.
 */
export class Seeds {
  readonly text: string;
  #heads: Int32Array | undefined;
  #sizes = new Uint32Array(0);
  #places = new Int32Array(0);
  #next = new Int32Array(0);

  constructor(text: string) {
    this.text = fold(text);
  }

  /** Where a piece stands letter by letter, in the order of the text, beginning between two offsets. */
  exact(piece: string, most = MAX_EXACT, from = 0, until = this.text.length): Match[] {
    const found: Match[] = [];
    if (piece === "") return found;
    for (let at = this.text.indexOf(piece, from); at !== -1 && at <= until && found.length < most; at = this.text.indexOf(piece, at + 1)) {
      found.push({ start: at, end: at + piece.length, errors: 0 });
    }
    return found;
  }

  /** Where a piece stands, with at most so many errors: exactly, else as alike as it is found; the best first. */
  near(piece: string, maxErrors: number): Match[] {
    if (piece.length < 4) return [];
    const exact = this.exact(piece);
    if (exact.length > 0) return exact;
    const slack = maxErrors + 8;
    const found: Match[] = [];
    for (const { low, high } of this.#windows(piece, slack)) {
      const from = Math.max(0, low - slack);
      const window = this.text.slice(from, high + piece.length + slack);
      const best = search(window, piece, maxErrors).sort((a, b) => a.errors - b.errors)[0];
      if (best !== undefined && !found.some(({ end }) => end === from + best.end)) {
        found.push({ start: from + best.start, end: from + best.end, errors: best.errors });
      }
    }
    return found.sort((a, b) => a.errors - b.errors);
  }

  /** Where the piece would begin by most of its seeds. */
  #windows(piece: string, slack: number): { low: number; high: number }[] {
    const heads = this.#heads ?? this.#build();
    const seeds = starts(piece)
      .map((offset) => ({ offset, bucket: hash(piece, offset) }))
      .sort((a, b) => (this.#sizes[a.bucket] ?? 0) - (this.#sizes[b.bucket] ?? 0));
    const begins: number[] = [];
    for (const { offset, bucket } of seeds) {
      if (begins.length > 0 && begins.length + (this.#sizes[bucket] ?? 0) > MAX_PLACES) break;
      for (let entry = heads[bucket] ?? -1; entry !== -1; entry = this.#next[entry] ?? -1) begins.push((this.#places[entry] ?? 0) - offset);
    }
    begins.sort((a, b) => a - b);
    const windows: { low: number; high: number; votes: number }[] = [];
    for (const begin of begins) {
      const last = windows.at(-1);
      if (last !== undefined && begin - last.low <= slack) {
        last.high = begin;
        last.votes += 1;
      } else windows.push({ low: begin, high: begin, votes: 1 });
    }
    return windows.sort((a, b) => b.votes - a.votes).slice(0, MAX_WINDOWS);
  }

  #build(): Int32Array {
    const places = starts(this.text);
    const heads = new Int32Array(BUCKETS).fill(-1);
    this.#sizes = new Uint32Array(BUCKETS);
    this.#places = Int32Array.from(places);
    this.#next = new Int32Array(places.length);
    places.forEach((place, entry) => {
      const bucket = hash(this.text, place);
      this.#next[entry] = heads[bucket] ?? -1;
      heads[bucket] = entry;
      this.#sizes[bucket] = (this.#sizes[bucket] ?? 0) + 1;
    });
    this.#heads = heads;
    return heads;
  }
}

function starts(text: string): number[] {
  const found: number[] = [];
  let fresh = true;
  for (let at = 0; at + DENSE_SEED <= text.length; at += 1) {
    const unit = text.charCodeAt(at);
    const dense = isDense(unit);
    if (unit !== 32 && (fresh || dense) && (dense || at + SEED <= text.length)) found.push(at);
    fresh = unit === 32 || dense;
  }
  return found;
}

function hash(text: string, at: number): number {
  const size = isDense(text.charCodeAt(at)) ? DENSE_SEED : SEED;
  let mixed = 0;
  for (let unit = at; unit < at + size; unit += 1) mixed = Math.imul(mixed ^ text.charCodeAt(unit), 0x9e3779b1) ^ (mixed >>> 15);
  return (mixed ^ (mixed >>> 16)) & (BUCKETS - 1);
}
