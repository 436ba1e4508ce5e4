import type { ClientFrame, Cursor, LiveFrame, PageFrame } from "../wire/frames";
import { KeptText } from "./kept-text";
import { Outbox, type Pending, type Refused } from "./outbox";
import { type ChatView, overlay } from "./overlay";
import { PageStore } from "./page-store";
import { OTHER_READER } from "./refusals";
import type { Unsent, Vault } from "./vault";

/** `away`: no connection. `joining`: asked, no complete answer yet. `joined`: complete as of the cursor. */
export type PagePhase = "away" | "joining" | "joined" | "forbidden";

/** What a view shows of one page. A new object for every change, so that identity tells whether to draw. */
export interface PageView {
  readonly chats: readonly ChatView[];
  readonly phase: PagePhase;
  /** Distinct readers on the page now, this one included; `null` until known and while away. */
  readonly readers: number | null;
  readonly refused: readonly Refused[];
  /** Changes that no server has acknowledged yet. */
  readonly unacknowledged: number;
  /** Something was received at least once: an empty list means that there are no discussions. */
  readonly loaded: boolean;
}

/** One page's history as this client knows it: decides, never waits. */
export class PageSession {
  readonly kept: KeptText;
  readonly outbox: Outbox;
  /** Open here, not only for other tabs. */
  own = false;
  refused: Refused[] = [];
  readers: number | null = null;
  phase: PagePhase = "away";
  loaded = false;
  /** Left from before the page was loaded, until it is known who reads now. */
  restored: readonly Unsent[] = [];

  #store = new PageStore();
  #cursor: Cursor | null = null;
  /** A snapshot under construction: what is shown stays until the last part is here. */
  #staging: { store: PageStore; cursor: Cursor } | null = null;
  /** The last frame was a part of a snapshot with more to come on this connection. */
  #snapshotOpen = false;

  constructor(
    readonly page: string,
    vault?: Vault,
  ) {
    this.kept = new KeptText(page, vault);
    this.outbox = new Outbox((broadcastId) => this.kept.drop(broadcastId));
  }

  /** The place up to which the shown history is complete. Moves before anyone is told. */
  get cursor(): Cursor | null {
    return this.#cursor;
  }

  get store(): PageStore {
    return this.#store;
  }

  /** The `join` to send on a new connection, or again after something was missed. */
  join(): ClientFrame {
    this.phase = "joining";
    const since = this.#staging?.cursor ?? this.#cursor;
    return { t: "join", page: this.page, ...(since === null ? {} : { since }) };
  }

  connectionLost(): void {
    if (this.phase !== "forbidden") this.phase = "away";
    this.readers = null;
    this.#snapshotOpen = false;
    this.outbox.connectionLost();
  }

  /**
   * Takes up what this reader left unsent. What is known to be another's stays where it is kept, unseen; what was
   * written before anybody was greeted is handed back, for nobody knows whose it is.
   */
  restore(tenant: string, reader: string): void {
    const waiting = this.restored;
    this.restored = waiting.filter(({ by }) => by.id !== "" && by.id !== reader);
    const pending: Pending[] = [];
    for (const unsent of waiting) {
      const { refusal, order: _, ...rest } = unsent;
      const entry: Pending = { ...rest, sent: false, notBefore: 0, tries: 0 };
      if (refusal !== undefined || unsent.by.id === "") {
        if (unsent.by.id === "" || (unsent.by.id === reader && unsent.tenant === tenant)) {
          this.refused = [...this.refused, { pending: entry, ...OTHER_READER, ...refusal }];
        }
      } else if (unsent.by.id === reader && unsent.tenant === tenant) pending.push(entry);
    }
    this.outbox.restore(pending);
  }

  /** Another tenant's history is none of ours. */
  forget(): void {
    this.#store = new PageStore();
    this.#cursor = null;
    this.#staging = null;
    this.loaded = false;
  }

  /** An answer to a join always wins, whatever its numbers. */
  onPage(frame: PageFrame): void {
    const cursor = { epoch: frame.epoch, seq: frame.seq };
    if (frame.kind === "snapshot" && !this.#continuesSnapshot(frame)) {
      this.#staging = { store: new PageStore(), cursor };
    }
    const target = this.#staging?.store ?? this.#store;
    for (const id of frame.gone) target.remove(id);
    for (const chat of frame.chats) target.put(chat);
    this.#snapshotOpen = frame.kind === "snapshot" && frame.more === true;
    if (this.#staging !== null) this.#staging = { store: target, cursor };
    else this.#cursor = cursor;
    if (frame.more === true) return;
    this.#store = target;
    this.#cursor = cursor;
    this.#staging = null;
    this.phase = "joined";
    this.loaded = true;
    this.readers = frame.readers;
    this.outbox.reached(cursor);
    for (const entry of [...this.outbox.entries]) {
      // What a change created carries its id: it is part of the history even though its answer was lost.
      if (this.#contains(entry.broadcastId)) this.outbox.echoed(entry.broadcastId);
    }
  }

  /** `taken` where the frame continues what is known; `missed` where something was missed: join again. */
  onLive(frame: LiveFrame): "taken" | "early" | "missed" {
    if (this.phase !== "joined") return "early"; // the answer to the join covers it
    const cursor = this.#cursor;
    if (cursor === null || frame.epoch !== cursor.epoch || frame.after !== cursor.seq || frame.seq < frame.after) {
      return "missed";
    }
    for (const event of frame.events) {
      if (!this.#store.apply(event)) {
        // A change of a chat that we never saw: our copy is not what it says it is. Ask for everything.
        this.#cursor = null;
        return "missed";
      }
    }
    this.#cursor = { epoch: frame.epoch, seq: frame.seq };
    for (const event of frame.events) {
      this.outbox.echoed(event.broadcastId);
      for (const id of event.merged ?? []) this.outbox.echoed(id);
    }
    this.outbox.reached(this.#cursor);
    return "taken";
  }

  view(connected: boolean): PageView {
    return {
      chats: overlay(this.#store, this.outbox.shown(connected)),
      phase: this.phase,
      readers: this.readers,
      refused: this.refused,
      unacknowledged: this.outbox.unacknowledged,
      loaded: this.loaded,
    };
  }

  #continuesSnapshot(frame: PageFrame): boolean {
    return this.#snapshotOpen && this.#staging?.cursor.epoch === frame.epoch;
  }

  #contains(id: string): boolean {
    if (this.#store.get(id) !== undefined || this.#store.isGone(id)) return true;
    const entry = this.outbox.get(id);
    if (entry?.operation.op !== "reply") return false;
    return this.#store.get(entry.operation.chat)?.comments.some((comment) => comment.id === id) ?? false;
  }
}
