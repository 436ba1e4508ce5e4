/** Waiting between attempts to connect: full jitter, never an end. */

/** Half a second: a blink for a reader, and thousands of readers still spread. */
export const BASE_MS = 500;
/** Twenty seconds: a reader whose network is back without an `online` event waits no longer. */
export const CAP_MS = 20_000;
/** A connection that lived this long was good; a shorter one still counts as a failed attempt. */
export const MIN_UP_MS = 5_000;

export class Backoff {
  #attempt = 0;

  constructor(private readonly random: () => number) {}

  /** Milliseconds to wait before the next attempt. A server's own wish is the least, jitter comes on top. */
  next(retryInMs = 0): number {
    const ceiling = Math.min(CAP_MS, BASE_MS * 2 ** Math.min(this.#attempt, 16));
    this.#attempt += 1;
    return retryInMs + this.random() * ceiling;
  }

  /** Starts further up, for a server that said it is too much. */
  atLeast(attempt: number): void {
    this.#attempt = Math.max(this.#attempt, attempt);
  }

  reset(): void {
    this.#attempt = 0;
  }
}
