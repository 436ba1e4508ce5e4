import type { ErrorFrame } from "../wire/frames";
import type { Pending } from "./outbox";
import type { Unsent, Vault } from "./vault";

/** What of one page outlives it: changes that no server has yet, and drafts. In memory too, where nothing else is. */
export class KeptText {
  /** What was kept is here. Until then nothing new goes out: the older goes first. */
  loaded = false;
  readonly #drafts = new Map<string, string>();
  #early: (() => void)[] = [];
  #order = 0;
  /** An entry keeps its place when it is kept again. */
  readonly #orders = new Map<string, number>();

  constructor(
    private readonly page: string,
    private readonly vault: Vault | undefined,
  ) {
    this.loaded = vault === undefined;
  }

  load(onLoaded: (unsent: readonly Unsent[]) => void): void {
    if (this.vault === undefined) return;
    void this.vault.load(this.page).then(({ unsent, drafts }) => {
      for (const [key, text] of Object.entries(drafts)) if (!this.#drafts.has(key)) this.#drafts.set(key, text);
      for (const { broadcastId, order } of unsent) this.#orders.set(broadcastId, order);
      this.#order = Math.max(0, ...this.#orders.values());
      this.loaded = true;
      for (const keep of this.#early) keep();
      this.#early = [];
      onLoaded(unsent);
    });
  }

  keep(pending: Pending, refusal?: Pick<ErrorFrame, "code" | "message" | "help">): void {
    if (!this.loaded) {
      this.#early.push(() => this.keep(pending, refusal));
      return;
    }
    const { broadcastId, page, operation, by, at, tenant } = pending;
    const order = this.#orders.get(broadcastId) ?? (this.#order += 1);
    this.#orders.set(broadcastId, order);
    const refused = refusal && { refusal: { code: refusal.code, message: refusal.message, ...(refusal.help && { help: refusal.help }) } };
    this.vault?.keep({ broadcastId, page, operation, by, at, order, ...(tenant !== undefined && { tenant }), ...refused });
  }

  drop(broadcastId: string): void {
    if (!this.loaded) {
      this.#early.push(() => this.drop(broadcastId));
      return;
    }
    this.#orders.delete(broadcastId);
    this.vault?.drop(this.page, broadcastId);
  }

  draft(key: string): string {
    return this.#drafts.get(key) ?? "";
  }

  /** Drafts that begin with `prefix`: key and text. */
  drafts(prefix: string): [string, string][] {
    return [...this.#drafts].filter(([key]) => key.startsWith(prefix));
  }

  write(key: string, text: string): void {
    // An empty one is remembered as such: it must not come back from a vault that is still being read.
    this.#drafts.set(key, text);
    this.vault?.draft(this.page, key, text);
  }
}
