import type { Operation } from "../wire/frames";
import type { Model } from "./model";

/** The protocol cannot undo a deletion: it is shown at once and sent after this. */
const HELD_MS = 8_000;

/** The last deletion, while it can be taken back. */
export class Undo {
  held: { readonly id: string; readonly operation: Operation } | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly model: Model) {}

  do(operation: Operation): void {
    this.forget();
    this.held = { id: this.model.do(operation, HELD_MS), operation };
    this.#timer = setTimeout(() => this.send(), HELD_MS);
  }

  back(): void {
    const { held, model } = this;
    if (held === null) return;
    this.forget();
    model.client.withdraw(model.page, held.id);
  }

  /** Does not wait any longer. */
  send(): void {
    this.forget();
    this.model.client.hurry(this.model.page);
    this.model.refresh();
  }

  forget(): void {
    clearTimeout(this.#timer);
    this.held = null;
  }
}
