import { type Match, alike } from "./alike";
import type { Scope } from "./sought";
import { WordIndex } from "./words";

/** Exact places that are told, at most, and edited ones. */
const MAX_EXACT = 8;

/** Quotes and dashes as a keyboard has them: an editor's typesetting is no change. Keeps every offset. */
export function fold(text: string): string {
  return text.replace(/[‘’‚‛′]/g, "'").replace(/[“”„‟″«»]/g, '"').replace(/[‐-―−]/g, "-");
}

/** A text in which pieces are found again: exactly anywhere, with edits in a part of it. */
export class Haystack {
  #folded: string | undefined;
  #words: WordIndex | undefined;

  constructor(
    readonly raw: string,
    folded?: string,
  ) {
    this.#folded = folded;
  }

  /** The text after a change of the characters from one offset to before another; what is around them is taken over. */
  changed(raw: string, from: number, until: number): Haystack {
    const end = until + raw.length - this.raw.length;
    const next = new Haystack(raw, this.text.slice(0, from) + fold(raw.slice(from, end)) + this.text.slice(until));
    next.#words = this.#words?.changed(next.text, from, until);
    return next;
  }

  /** Reads the words, until it is told to pause: whether they are all read. On a large page they take a while. */
  prepare(pause: () => boolean): boolean {
    return (this.#words ??= new WordIndex(this.text)).read(pause);
  }

  get text(): string {
    this.#folded ??= fold(this.raw);
    return this.#folded;
  }

  get words(): WordIndex {
    this.#words ??= new WordIndex(this.text);
    this.#words.read();
    return this.#words;
  }

  /** Where a piece stands letter by letter, in the order of the text. */
  exact(piece: string, most = MAX_EXACT, { from, until }: Scope = { from: 0, until: this.text.length }): Match[] {
    const found: Match[] = [];
    if (piece === "") return found;
    for (let at = this.text.indexOf(piece, from); at !== -1 && at <= until && found.length < most; at = this.text.indexOf(piece, at + 1)) {
      found.push({ start: at, end: at + piece.length, errors: 0 });
    }
    return found;
  }

  /** Where a piece begins in a part of the text, with at most so many errors: exactly, else as alike as it is found; the best first. */
  near(piece: string, maxErrors: number, scope: Scope): Match[] {
    if (piece.length < 4) return [];
    const exact = this.exact(piece, MAX_EXACT, scope);
    if (exact.length > 0) return exact;
    const from = Math.max(0, scope.from);
    return alike(this.text.slice(from, scope.until + piece.length + maxErrors), piece, maxErrors)
      .slice(0, MAX_EXACT)
      .map(({ start, end, errors }) => ({ start: from + start, end: from + end, errors }));
  }
}
