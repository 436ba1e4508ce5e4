import type { ChatView } from "../connection/overlay";
import { Arrivals } from "../people/arrivals";
import type { Filter } from "../people/filter";
import { type Read, reading, unread } from "../people/unread";
import type { Model } from "./model";

/** What this reader has read and wants to see. */
export class Reading {
  readonly arrivals = new Arrivals();
  filter: Filter | null = null;
  #since: number | null = null;
  #key = "";

  constructor(private readonly model: Model) {}

  /** Comments of others that are new to this reader; none while it is not known who reads. */
  unread(chat: ChatView): number {
    const { me, client } = this.model;
    const key = this.#known();
    return key === null || me === null ? 0 : unread(chat, this.#read(key, chat), this.#since ?? 0, me.id, client.now());
  }

  /** All of it is in sight of somebody who looks. */
  saw(chat: ChatView): void {
    const key = this.#known();
    const mark = key === null || document.visibilityState !== "visible" ? null : reading(chat, this.#read(key, chat));
    if (mark !== null) this.model.write(`${key}:${chat.id}`, JSON.stringify(mark));
  }

  #read(key: string, { id }: ChatView): Read | undefined {
    const kept = this.model.draft(`${key}:${id}`);
    return kept === "" ? undefined : (JSON.parse(kept) as Read);
  }

  /** Where it is kept; from the first visit on, which makes nothing new that was there before. */
  #known(): string | null {
    const { me, client, page, view } = this.model;
    if (me === null || !view.loaded || !client.open(page).kept.loaded) return null;
    const key = `read:${client.welcome?.tenant}:${me.id}`;
    if (key !== this.#key) {
      this.#key = key;
      this.#since = Number(this.model.draft(key)) || client.now();
      this.model.write(key, `${this.#since}`); // again, too: what is not written for long is forgotten
    }
    return key;
  }
}
