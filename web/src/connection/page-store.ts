import type { Anchor, ChatChange, ChatState, PageEvent, Person, WireChat, WireComment } from "../wire/frames";

export interface Comment {
  readonly id: string;
  readonly by: Person;
  /** Milliseconds since the epoch, by the server's clock. */
  readonly at: number;
  readonly text: string;
  readonly edited: boolean;
  readonly reactions: Readonly<Record<string, readonly (string | number)[]>>;
}

export interface Chat {
  readonly id: string;
  /** The page's seq at this chat's last change. */
  readonly seq: number;
  readonly state: ChatState;
  readonly anchor: Anchor;
  readonly by: Person;
  readonly at: number;
  /** Never empty: the first comment is the chat's own. */
  readonly comments: readonly Comment[];
}

/** Deleted ids that are remembered, so that a late frame revives nothing. The oldest fall out first. */
const MAX_TOMBSTONES = 10_000;

/** The confirmed state of one page: versioned chats and the tombstones of deleted ones. Values are immutable. */
export class PageStore {
  readonly #chats = new Map<string, Chat>();
  readonly #gone = new Set<string>();

  get size(): number {
    return this.#chats.size;
  }

  get(id: string): Chat | undefined {
    return this.#chats.get(id);
  }

  isGone(id: string): boolean {
    return this.#gone.has(id);
  }

  chats(): Chat[] {
    return [...this.#chats.values()];
  }

  /** An entry of a page answer: whole, and it replaces, whatever its number; with `cont` it appends. */
  put(entry: WireChat): void {
    const known = this.#chats.get(entry.id);
    if (entry.cont === true) {
      if (known === undefined) return; // its beginning was cut off; the answer that repeats it comes whole
      const comments = entry.comments.map((comment) => readComment(entry, comment));
      const ids = new Set(comments.map((comment) => comment.id));
      this.#chats.set(entry.id, {
        ...known,
        seq: Math.max(known.seq, entry.seq),
        comments: [...known.comments.filter((comment) => !ids.has(comment.id)), ...comments],
      });
      return;
    }
    this.#gone.delete(entry.id);
    this.#chats.set(entry.id, readChat(entry));
  }

  remove(id: string): void {
    this.#chats.delete(id);
    this.#gone.add(id);
    if (this.#gone.size > MAX_TOMBSTONES) {
      for (const oldest of this.#gone) {
        this.#gone.delete(oldest);
        break;
      }
    }
  }

  /** Applies one event of a `live` frame. False where it speaks of a chat that was never seen: something was missed. */
  apply(event: PageEvent): boolean {
    const id = event.chat.id;
    if (event.event === "deleted-text-chat") {
      this.remove(id);
      return true;
    }
    if (this.#gone.has(id)) return true;
    const known = this.#chats.get(id);
    if (known !== undefined && known.seq >= event.seq) return true;
    if (event.event === "new-text-chat") {
      this.#chats.set(id, { ...readChat(event.chat), seq: event.seq });
      return true;
    }
    if (known === undefined) return false;
    this.#chats.set(id, changed(known, event.chat, event.seq));
    return true;
  }
}

function changed(chat: Chat, change: ChatChange, seq: number): Chat {
  return {
    ...chat,
    seq,
    state: change.state ?? chat.state,
    anchor: change.anchor ?? chat.anchor,
    comments: change.comment === undefined ? chat.comments : withComment(chat, change.comment),
  };
}

function withComment(chat: Chat, change: WireComment): readonly Comment[] {
  const id = change.id ?? chat.id;
  if (change.deleted === true) return chat.comments.filter((comment) => comment.id !== id);
  const comment = readComment(chat, { ...change, id });
  const index = chat.comments.findIndex((known) => known.id === id);
  if (index === -1) return [...chat.comments, comment];
  return chat.comments.with(index, comment);
}

function readChat(chat: WireChat): Chat {
  return {
    id: chat.id,
    seq: chat.seq,
    state: chat.state,
    anchor: chat.anchor,
    by: chat.by,
    at: chat.at,
    comments: chat.comments.map((comment) => readComment(chat, comment)),
  };
}

/** Fills what the first comment leaves out. */
function readComment(chat: { id: string; by: Person; at: number }, comment: WireComment): Comment {
  return {
    id: comment.id ?? chat.id,
    by: comment.by ?? chat.by,
    at: comment.at ?? chat.at,
    text: comment.text ?? "",
    edited: comment.edited !== undefined && comment.edited !== false,
    reactions: comment.reactions ?? {},
  };
}
