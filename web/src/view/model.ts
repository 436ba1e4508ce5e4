import type { Client } from "../connection/client";
import type { ChatView, CommentView } from "../connection/overlay";
import type { PageView } from "../connection/page-session";
import type { Anchor, Operation, Person } from "../wire/frames";
import type { Extras } from "./extras";
import { type HighlightKind, Highlights } from "./highlights";
import type { PageText, Placed } from "./page-text";
import type { Reading } from "./reading";
import type { Undo } from "./undo";

export interface Discussion {
  readonly chat: ChatView;
  readonly location: Placed;
}

/** What the panel shows. */
export type Shown =
  | { readonly kind: "closed" }
  | { readonly kind: "list" }
  | { readonly kind: "new"; readonly anchor: Anchor }
  | { readonly kind: "chat"; readonly id: string };

/** People whose name may begin as was typed; asked while somebody types it. */
export type Directory = (query: string) => readonly Person[] | Promise<readonly Person[]>;

/** Drafts of new discussions are named by this and their place. */
export const NEW = "new:";

/** "Is typing" fades after this. */
const TYPING_FADES_MS = 6_000;

/** Words nearer than this to the window's edge may be under a bar of the page. CSS pixels. */
const MARGIN_PX = 80;

const NOTHING: PageView = { chats: [], phase: "away", readers: null, refused: [], unacknowledged: 0, loaded: false };

/** Everything the view shows, and what a reader can do; knows the page's text and the connection, draws nothing. */
export class Model {
  view: PageView = NOTHING;
  discussions: readonly Discussion[] = [];
  shown: Shown = { kind: "closed" };
  /** What is selected on the page and could be discussed, with the place for the button. */
  selection: { readonly anchor: Anchor; readonly rect: DOMRect } | null = null;
  readonly typing = new Map<string, { person: Person; until: number }>();

  /** What more the view can do; fetched when it is first drawn. */
  extras: Extras | null = null;
  reading: Reading | null = null;
  undo: Undo | null = null;
  /** Whom the names in what is being written stand for. */
  readonly names = new Map<string, string>();
  /** Whom a reader may mention, by the site's word; without it, those who wrote on this page. */
  directory: Directory | undefined;

  readonly #highlights = new Highlights();
  readonly #listeners = new Set<() => void>();
  #told = false;

  constructor(
    readonly client: Client,
    readonly page: string,
    readonly text: PageText,
  ) {}

  get me(): Person | null {
    return this.client.reader;
  }

  get mayWrite(): boolean {
    return this.client.reader?.role !== "reader" && this.view.phase !== "forbidden";
  }

  mayEdit(comment: CommentView): boolean {
    return this.mayWrite && comment.by.id === this.me?.id && comment.delivery !== "unsent";
  }

  mayRemove(comment: CommentView): boolean {
    return this.mayEdit(comment) || this.client.reader?.role === "moderator";
  }

  mayDelete(chat: ChatView): boolean {
    return this.mayWrite && (chat.by.id === this.me?.id || this.client.reader?.role === "moderator");
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Takes over what the connection and the page's text say now, and tells the view once per turn. */
  refresh(): void {
    this.view = this.client.view(this.page) ?? NOTHING;
    const before = new Map(this.discussions.map((discussion) => [discussion.chat, discussion]));
    const discussions = this.view.chats.map((chat) => {
      const location = this.text.locate(chat.id, chat.anchor);
      const known = before.get(chat);
      return known?.location === location ? known : { chat, location };
    });
    this.discussions = discussions.sort((a, b) => place(a) - place(b) || a.chat.at - b.chat.at);
    this.#forgetTyping();
    this.#paint();
    this.#tell();
  }

  show(shown: Shown): void {
    this.shown = shown;
    this.#paint();
    this.#tell();
  }

  select(selection: Model["selection"]): void {
    if (selection === null && this.selection === null) return;
    this.selection = selection;
    this.#tell();
  }

  /** Brings the discussed words into the window, if they are not in it. */
  reveal({ location }: Discussion): void {
    const range = this.text.range(location);
    if (range === null) return;
    // What is folded away is unfolded for who wants to see it, as the browser's own search does.
    for (let around = range.startContainer.parentElement; around !== null; around = around.parentElement) {
      if (around instanceof HTMLDetailsElement) around.open = true;
    }
    const inSight = (): boolean => {
      const { top, bottom } = range.getBoundingClientRect();
      return top >= MARGIN_PX && bottom <= innerHeight - MARGIN_PX;
    };
    if (inSight()) return;
    range.startContainer.parentElement?.scrollIntoView({ block: "center" });
    // A paragraph may be taller than the window: then its middle is not what was asked for.
    if (!inSight()) scrollBy(0, range.getBoundingClientRect().top - innerHeight / 3);
  }

  /** The discussions at a character of the text, the narrowest first. */
  at(offset: number): readonly Discussion[] {
    return this.discussions
      .filter(({ location }) => location.state !== "orphan" && location.start <= offset && offset < location.end)
      .sort((a, b) => width(a) - width(b));
  }

  /** Opens the box for a new discussion of what is selected. */
  discuss(): void {
    if (this.selection === null || !this.mayWrite) return;
    const { anchor } = this.selection;
    this.selection = null;
    this.show({ kind: "new", anchor });
  }

  /** Deletes; it can be taken back for a while. */
  remove(operation: Operation): void {
    if (this.undo === null) this.do(operation);
    else this.undo.do(operation);
  }

  do(operation: Operation, holdMs?: number): string {
    return this.client.do(this.page, operation, holdMs);
  }

  /** New discussions whose text was begun and neither sent nor emptied. */
  get begun(): { readonly anchor: Anchor; readonly text: string }[] {
    const { kept } = this.client.open(this.page);
    return kept.drafts(`anchor:${NEW}`).flatMap(([key, anchor]) => {
      const text = kept.draft(key.slice("anchor:".length));
      return text === "" ? [] : [{ anchor: JSON.parse(anchor) as Anchor, text }];
    });
  }

  draft(key: string): string {
    return this.client.open(this.page).kept.draft(key);
  }

  write(key: string, text: string): void {
    const { kept } = this.client.open(this.page);
    kept.write(key, text);
    // A discussion that was only begun is nowhere on the page: its place is kept with its text.
    if (key.startsWith(NEW) && this.shown.kind === "new") kept.write(`anchor:${key}`, text && JSON.stringify(this.shown.anchor));
    this.#tell();
  }

  someoneTypes(chat: string, who: Person): void {
    if (who.id === this.me?.id) return;
    const person = who.name === undefined ? (this.author(who.id) ?? who) : who;
    const until = Date.now() + TYPING_FADES_MS;
    this.typing.set(chat, { person, until });
    setTimeout(() => {
      if (this.typing.get(chat)?.until === until) {
        this.typing.delete(chat);
        this.#tell();
      }
    }, TYPING_FADES_MS);
    this.#tell();
  }

  destroy(): void {
    this.undo?.forget();
    this.#listeners.clear();
    this.#highlights.destroy();
  }

  /** Who wrote on this page, the latest first. */
  authors(): Person[] {
    const comments = this.view.chats.flatMap((chat) => chat.comments).sort((a, b) => b.at - a.at);
    return [...new Map(comments.map(({ by }) => [by.id, by])).values()];
  }

  author(id: string): Person | undefined {
    for (const { comments } of this.view.chats) for (const { by } of comments) if (by.id === id) return by;
    return undefined;
  }

  /** Whoever's words have arrived has finished typing them. */
  #forgetTyping(): void {
    for (const { id, comments } of this.view.chats) {
      const last = comments.at(-1);
      if (last !== undefined && last.by.id === this.typing.get(id)?.person.id && this.client.now() - last.at < TYPING_FADES_MS) {
        this.typing.delete(id);
      }
    }
  }

  #tell(): void {
    if (this.#told) return;
    this.#told = true;
    queueMicrotask(() => {
      this.#told = false;
      for (const listener of [...this.#listeners]) listener();
    });
  }

  #paint(): void {
    const ranges: Record<HighlightKind, Range[]> = { open: [], resolved: [], uncertain: [], active: [] };
    for (const { chat, location } of this.discussions) {
      const range = this.text.range(location);
      if (range === null) continue;
      const active = this.shown.kind === "chat" && this.shown.id === chat.id;
      const kind = active ? "active" : chat.state === "resolved" ? "resolved" : location.state === "uncertain" ? "uncertain" : "open";
      ranges[kind].push(range);
    }
    if (this.shown.kind === "new") {
      const range = this.text.range(this.text.locate("", this.shown.anchor));
      if (range !== null) ranges.active.push(range);
    }
    this.#highlights.adopt(this.text.shadows);
    for (const kind of Object.keys(ranges) as HighlightKind[]) this.#highlights.paint(kind, ranges[kind]);
  }
}

/** Where in the text a discussion stands; what is gone comes last. */
function place({ location }: Discussion): number {
  return location.state === "orphan" ? Infinity : location.start;
}

function width({ location }: Discussion): number {
  return location.state === "orphan" ? 0 : location.end - location.start;
}
