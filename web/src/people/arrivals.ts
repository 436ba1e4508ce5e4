/**
 * Which of a list's entries are shown. Those that come while it is read wait, so that nothing jumps under the reader's eyes;
 * a list with nothing in it has nothing to jump.
 */
export class Arrivals {
  #shown: Set<string> | null = null;

  /** Entries to show and how many wait. `own`: whose entries never wait. */
  split<Entry>(entries: readonly Entry[], id: (entry: Entry) => string, own: (entry: Entry) => boolean): { shown: Entry[]; waiting: number } {
    if (this.#shown === null || this.#shown.size === 0) this.#shown = new Set(entries.map(id));
    const known = this.#shown;
    for (const entry of entries) if (own(entry)) known.add(id(entry));
    const shown = entries.filter((entry) => known.has(id(entry)));
    return { shown, waiting: entries.length - shown.length };
  }

  /** The next look shows everything. */
  reset(): void {
    this.#shown = null;
  }
}
