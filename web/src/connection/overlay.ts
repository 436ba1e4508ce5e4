import type { Operation, Person } from "../wire/frames";
import type { Chat, Comment, PageStore } from "./page-store";

/** How far something on the screen has come: kept by the server, on its way, or waiting for a connection. */
export type Delivery = "kept" | "sending" | "unsent";

export interface CommentView extends Comment {
  readonly delivery: Delivery;
}

export interface ChatView extends Omit<Chat, "comments"> {
  readonly delivery: Delivery;
  readonly comments: readonly CommentView[];
}

/** One operation that is shown before the server's answer. */
export interface Shown {
  readonly broadcastId: string;
  readonly operation: Operation;
  readonly by: Person;
  /** Milliseconds since the epoch, by the reader's own clock, until the server's is known. */
  readonly at: number;
  readonly delivery: Delivery;
}

/**
 * The confirmed chats with the shown operations applied in order. Every operation is harmless when its effect
 * is already confirmed, and when what it speaks of is gone.
 */
export function overlay(store: PageStore, shown: readonly Shown[]): ChatView[] {
  const chats = new Map<string, ChatView>();
  for (const chat of store.chats()) chats.set(chat.id, confirmed(chat));
  for (const entry of shown) applyShown(chats, store, entry);
  return [...chats.values()];
}

/** Confirmed chats never change, so what is shown of them is the same object each time: a view draws only what is new. */
const views = new WeakMap<Chat, ChatView>();

function confirmed(chat: Chat): ChatView {
  let view = views.get(chat);
  if (view === undefined) {
    view = { ...chat, delivery: "kept", comments: chat.comments.map((comment) => ({ ...comment, delivery: "kept" as const })) };
    views.set(chat, view);
  }
  return view;
}

function applyShown(chats: Map<string, ChatView>, store: PageStore, entry: Shown): void {
  const { operation, broadcastId: id, delivery } = entry;
  if (operation.op === "new-chat") {
    if (chats.has(id) || store.isGone(id)) return;
    const first = newComment(entry, operation.text);
    const { anchor } = operation;
    chats.set(id, { id, seq: 0, state: "open", anchor, by: entry.by, at: entry.at, delivery, comments: [first] });
    return;
  }
  const chat = chats.get(operation.chat);
  if (chat === undefined) return;
  switch (operation.op) {
    case "reply":
      if (chat.comments.some((comment) => comment.id === id)) return;
      chats.set(chat.id, { ...chat, comments: [...chat.comments, newComment(entry, operation.text)] });
      return;
    case "edit":
      editComment(chats, chat, operation.comment, (comment) =>
        comment.text === operation.text ? comment : { ...comment, text: operation.text, edited: true, delivery },
      );
      return;
    case "remove-comment":
      chats.set(chat.id, { ...chat, comments: chat.comments.filter((comment) => comment.id !== operation.comment) });
      return;
    case "react":
      editComment(chats, chat, operation.comment, (comment) => withReaction(comment, entry, operation));
      return;
    case "resolve":
    case "reopen": {
      const state = operation.op === "resolve" ? "resolved" : "open";
      if (chat.state !== state) chats.set(chat.id, { ...chat, state, delivery });
      return;
    }
    case "relink":
      chats.set(chat.id, { ...chat, anchor: operation.anchor, delivery });
      return;
    case "delete-chat":
      chats.delete(chat.id);
      return;
  }
}

function newComment(entry: Shown, text: string): CommentView {
  return { id: entry.broadcastId, by: entry.by, at: entry.at, text, edited: false, reactions: {}, delivery: entry.delivery };
}

function editComment(
  chats: Map<string, ChatView>,
  chat: ChatView,
  id: string,
  edit: (comment: CommentView) => CommentView,
): void {
  chats.set(chat.id, { ...chat, comments: chat.comments.map((comment) => (comment.id === id ? edit(comment) : comment)) });
}

function withReaction(comment: CommentView, entry: Shown, { emoji, on }: { emoji: string; on: boolean }): CommentView {
  const others = (comment.reactions[emoji] ?? []).filter((reader) => reader !== entry.by.id);
  return { ...comment, reactions: { ...comment.reactions, [emoji]: on ? [...others, entry.by.id] : others } };
}
