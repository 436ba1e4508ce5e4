/**
 * How far this device's clock is from the server's, learnt from what happens: a reader's clock may be a day off.
 * Only for times that people read; nothing is ordered or timed by it.
 */
export class ServerClock {
  /** Milliseconds to add to our own clock. */
  #ahead = 0;
  #exact = false;

  constructor(private readonly wallClock: () => number) {}

  now(): number {
    return this.wallClock() + this.#ahead;
  }

  /** Something happened at `at` or later: the server's clock is not behind that. */
  past(at: number): void {
    this.#ahead = Math.max(this.#ahead, at - this.wallClock());
  }

  /** Something that happens this moment. What healing brings late comes with an older time, so the furthest one counts. */
  present(at: number): void {
    const ahead = at - this.wallClock();
    this.#ahead = this.#exact ? Math.max(this.#ahead, ahead) : ahead;
    this.#exact = true;
  }
}
