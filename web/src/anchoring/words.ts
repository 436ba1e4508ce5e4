/** Kinds of a UTF-16 unit: unknown yet, no part of a word, part of a word, a word by itself (scripts without spaces). */
const [NOTHING, LETTER, DENSE] = [1, 2, 3] as const;
const KINDS = new Uint8Array(1 << 16);

function kindOf(unit: number): number {
  const known = KINDS[unit] ?? 0;
  if (known !== 0) return known;
  const dense = (unit >= 0x0e00 && unit <= 0x0eff) || (unit >= 0x1780 && unit <= 0x17ff) || (unit >= 0x3040 && unit <= 0xd7af);
  // Half of a pair, such as an emoji's, counts as a letter: it says as much.
  const kind = dense ? DENSE : (unit & 0xf800) === 0xd800 || /[\p{L}\p{M}\p{N}]/u.test(String.fromCharCode(unit)) ? LETTER : NOTHING;
  KINDS[unit] = kind;
  return kind;
}

/** Words are told apart by so many bits: two characters of base64 in an anchor. */
const BUCKET_BITS = 12;
export const BUCKETS = 1 << BUCKET_BITS;

/** So many characters are read before it is asked whether to pause. */
const STRETCH = 4_096;

/** Where the words of a text stand, by hash. Of a script without spaces each two characters are a word. */
export class WordIndex {
  #starts = new Int32Array(0);
  #buckets = new Uint16Array(0);
  /** How many words of the text have a hash. */
  readonly #counts = new Uint32Array(BUCKETS);
  /** Where the words of each hash begin, one hash after the other; made when it is first needed. */
  #postings: Int32Array | undefined;
  readonly #ends = new Uint32Array(BUCKETS);
  /** How far the text was read, and how many words were in that. */
  #at = 0;
  #size = 0;

  /** Nothing is read yet. */
  constructor(private readonly text: string) {}

  /** Characters of the text. */
  get length(): number {
    return this.text.length;
  }

  /** Reads on until it is told to pause: whether everything is read. Nothing else may be asked before. */
  read(pause: () => boolean = () => false): boolean {
    const { length } = this.text;
    if (this.#at === 0) [this.#starts, this.#buckets] = [new Int32Array(length), new Uint16Array(length)];
    while (this.#at < length) {
      // A word is read to its end, so that each stretch begins with one.
      this.#at = this.#stretch(this.#at, Math.min(length, this.#at + STRETCH));
      if (this.#at < length && pause()) return false;
    }
    if (this.#starts.length > this.#size) {
      this.#starts = this.#starts.slice(0, this.#size);
      this.#buckets = this.#buckets.slice(0, this.#size);
    }
    return true;
  }

  /** The index of the text after a change of the characters from one offset to before another: only these are read. */
  changed(text: string, from: number, until: number): WordIndex {
    const next = new WordIndex(text);
    if (!this.#isRead) return next;
    const by = text.length - this.text.length;
    // The word before may have grown, and the first one behind the change may have a part of it.
    const first = Math.max(0, firstAt(this.#starts, from) - 1);
    const end = Math.min(this.size, firstAt(this.#starts, until) + 1);
    const begin = first === 0 ? 0 : this.start(first);
    const last = (end < this.size ? this.start(end) : this.text.length) + by;
    const room = first + last - begin + this.size - end;
    [next.#starts, next.#buckets] = [new Int32Array(room), new Uint16Array(room)];
    next.#starts.set(this.#starts.subarray(0, first));
    next.#buckets.set(this.#buckets.subarray(0, first));
    next.#counts.set(this.#counts);
    for (let word = first; word < end; word += 1) next.#counts[this.bucket(word)] = (next.#counts[this.bucket(word)] ?? 0) - 1;
    next.#size = first;
    next.#stretch(begin, last);
    next.#buckets.set(this.#buckets.subarray(end), next.#size);
    const starts = next.#starts;
    const moved = next.#size;
    starts.set(this.#starts.subarray(end), moved);
    next.#size += this.size - end;
    for (let word = moved, all = next.#size; word < all; word += 1) starts[word] = (starts[word] ?? 0) + by;
    next.#at = text.length;
    next.read();
    return next;
  }

  get #isRead(): boolean {
    return this.#at === this.text.length;
  }

  /** Reads the words that begin from one offset to before another; answers where the last of them ends, or the other. */
  #stretch(from: number, until: number): number {
    const { text } = this;
    let at = from;
    while (at < until) {
      const kind = kindOf(text.charCodeAt(at));
      const start = at;
      let mixed = 0x811c9dc5;
      if (kind === DENSE) {
        mixed = mix(mixed, text.charCodeAt(at));
        this.#add(start, mix(mixed, at + 1 < text.length ? text.charCodeAt(at + 1) : 0));
        at += 1;
      } else if (kind === LETTER) {
        for (; at < text.length && kindOf(text.charCodeAt(at)) === LETTER; at += 1) mixed = mix(mixed, text.charCodeAt(at));
        this.#add(start, mixed);
      } else at += 1;
    }
    return at;
  }

  #add(start: number, mixed: number): void {
    const bucket = (mixed ^ (mixed >>> 12) ^ (mixed >>> 24)) & (BUCKETS - 1);
    this.#starts[this.#size] = start;
    this.#buckets[this.#size] = bucket;
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#size += 1;
  }

  get size(): number {
    return this.#starts.length;
  }

  /** The words that begin from one offset to before another, as numbers from the first to before the second. */
  between(from: number, until: number): readonly [first: number, end: number] {
    return [firstAt(this.#starts, from), firstAt(this.#starts, until)];
  }

  start(word: number): number {
    return this.#starts[word] ?? 0;
  }

  bucket(word: number): number {
    return this.#buckets[word] ?? 0;
  }

  /** The share of the text's words that have this hash. */
  share(bucket: number): number {
    return (this.#counts[bucket] ?? 0) / Math.max(1, this.size);
  }

  /** Where in the text the words of a hash begin, in order. */
  places(bucket: number): Int32Array {
    this.#postings ??= this.#post();
    const end = this.#ends[bucket] ?? 0;
    return this.#postings.subarray(end - (this.#counts[bucket] ?? 0), end);
  }

  /** Those of them between two offsets. */
  within(bucket: number, from: number, until: number): Int32Array {
    const places = this.places(bucket);
    return places.subarray(firstAt(places, from), firstAt(places, until));
  }

  #post(): Int32Array {
    const postings = new Int32Array(this.size);
    for (let bucket = 0, sum = 0; bucket < BUCKETS; bucket += 1) {
      this.#ends[bucket] = sum;
      sum += this.#counts[bucket] ?? 0;
    }
    for (let word = 0; word < this.size; word += 1) {
      const bucket = this.bucket(word);
      const at = this.#ends[bucket] ?? 0;
      postings[at] = this.#starts[word] ?? 0;
      this.#ends[bucket] = at + 1;
    }
    return postings;
  }
}

/** The first of some rising numbers that is not below another. */
function firstAt(rising: Int32Array, least: number): number {
  let low = 0;
  let high = rising.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((rising[middle] ?? 0) < least) low = middle + 1;
    else high = middle;
  }
  return low;
}

function mix(mixed: number, unit: number): number {
  return Math.imul(mixed ^ unit, 0x01000193) >>> 0;
}
