import type { ClientFrame, Cursor, ErrorFrame, Operation, Person } from "../wire/frames";
import type { Shown } from "./overlay";

/** One change of this reader from the moment it is made until the page's history contains it. Plain data. */
export interface Pending {
  readonly broadcastId: string;
  readonly page: string;
  readonly operation: Operation;
  readonly by: Person;
  /** Whose reader `by` is; unknown until the first greeting. */
  readonly tenant?: string;
  readonly at: number;
  /** On its way on the present connection. */
  sent: boolean;
  /** Not to be sent again before this moment of the clock. */
  notBefore: number;
  /** Attempts that the gateway could not finish. */
  tries: number;
  /** Acknowledged: kept by the server, shown until the history reaches `seq`. */
  committed?: Cursor;
}

/** A refused change, with everything needed to show its text and to try again. */
export interface Refused {
  readonly pending: Pending;
  readonly code: string;
  readonly message: string;
  readonly help: string;
}

/** The chat that an operation speaks of; a new chat is its own. */
export function subject(pending: Pending): string {
  return pending.operation.op === "new-chat" ? pending.broadcastId : pending.operation.chat;
}

export function doFrame(entry: Pending): ClientFrame {
  return { t: "do", page: entry.page, broadcastId: entry.broadcastId, ...entry.operation };
}

/** On the way at once, over all chats of a page: enough to fill a slow line, few enough for any rate limit. */
const MAX_IN_FLIGHT = 16;

/** The changes of one page that are not yet part of its history, in the order in which they were made. */
export class Outbox {
  #entries: Pending[] = [];

  /** `onSettled` when a server has a change: from there on it is not ours to keep. */
  constructor(private readonly onSettled: (broadcastId: string) => void = () => {}) {}

  get entries(): readonly Pending[] {
    return this.#entries;
  }

  /** Changes that no server has acknowledged. */
  get unacknowledged(): number {
    return this.#entries.filter((entry) => entry.committed === undefined).length;
  }

  get(broadcastId: string): Pending | undefined {
    return this.#entries.find((entry) => entry.broadcastId === broadcastId);
  }

  add(entry: Pending): void {
    this.#entries.push(entry);
  }

  /** What was made before the page was loaded anew goes before what was made since. */
  restore(entries: readonly Pending[]): void {
    this.#entries.unshift(...entries.filter((entry) => this.get(entry.broadcastId) === undefined));
  }

  /**
   * What may go out now, in order. A change waits for an earlier one of the same chat, so that a refusal or a
   * repeat of the earlier one never lets the later one overtake it; different chats do not wait for each other.
   */
  due(now: number, sub: string): Pending[] {
    const busy = new Set<string>();
    const due: Pending[] = [];
    let flying = 0;
    for (const entry of this.#entries) {
      if (entry.committed !== undefined) continue;
      const chat = subject(entry);
      if (entry.sent) flying += 1;
      else if (!busy.has(chat) && entry.by.id === sub && entry.notBefore <= now) due.push(entry);
      busy.add(chat);
    }
    return due.slice(0, Math.max(0, MAX_IN_FLIGHT - flying));
  }

  /** Milliseconds of the clock at which a held change may go out, if any is held. */
  nextDue(): number | undefined {
    const held = this.#entries.filter((entry) => !entry.sent && entry.committed === undefined && entry.notBefore > 0);
    return held.length === 0 ? undefined : Math.min(...held.map((entry) => entry.notBefore));
  }

  /** Takes out what was never sent. */
  withdraw(broadcastId: string): boolean {
    const entry = this.get(broadcastId);
    if (entry === undefined || entry.sent || entry.committed !== undefined) return false;
    this.#drop(broadcastId);
    return true;
  }

  /** Nothing waits any longer. */
  release(): void {
    for (const entry of this.#entries) entry.notBefore = 0;
  }

  /** A new connection knows of nothing that was sent on the old one. */
  connectionLost(): void {
    for (const entry of this.#entries) entry.sent = false;
  }

  /** Kept by the server. Done if the history already reached it, else shown until it does. */
  acknowledged(broadcastId: string, seq: number, cursor: Cursor | null): boolean {
    const entry = this.get(broadcastId);
    if (entry === undefined) return false;
    this.onSettled(broadcastId);
    if (cursor !== null && seq <= cursor.seq) this.#drop(broadcastId);
    else entry.committed = { epoch: cursor?.epoch ?? "", seq };
    return true;
  }

  /** The history contains this change. */
  echoed(broadcastId: string): boolean {
    const known = this.get(broadcastId) !== undefined;
    if (known) {
      this.#drop(broadcastId);
      this.onSettled(broadcastId);
    }
    return known;
  }

  /** The history reached `cursor`: whatever was acknowledged up to there, or in another epoch, is in it or gone. */
  reached(cursor: Cursor): void {
    this.#entries = this.#entries.filter((entry) => {
      const { committed } = entry;
      if (committed === undefined) return true;
      if (committed.epoch === "") entry.committed = { epoch: cursor.epoch, seq: committed.seq };
      else if (committed.epoch !== cursor.epoch) return false;
      return committed.seq > cursor.seq;
    });
  }

  /** Takes a refused change out. */
  refused(broadcastId: string, error: Pick<ErrorFrame, "code" | "message" | "help">): Refused | undefined {
    const pending = this.get(broadcastId);
    if (pending === undefined) return undefined;
    this.#drop(broadcastId);
    return { pending, code: error.code, message: error.message, help: error.help ?? "" };
  }

  shown(connected: boolean): Shown[] {
    return this.#entries.map((entry) => ({
      broadcastId: entry.broadcastId,
      operation: entry.operation,
      by: entry.by,
      at: entry.at,
      delivery: entry.committed !== undefined ? "kept" : connected ? "sending" : "unsent",
    }));
  }

  #drop(broadcastId: string): void {
    this.#entries = this.#entries.filter((entry) => entry.broadcastId !== broadcastId);
  }
}
