/** The frames of the wire, version 1, as the browser sees them (docs/protocol.md is the contract). */

/** A place in a page's history: complete up to `seq` of that `epoch`. */
export interface Cursor {
  readonly epoch: string;
  readonly seq: number;
}

export interface Person {
  readonly id: string;
  readonly name?: string;
  readonly avatar?: string;
}

export type Role = "reader" | "commenter" | "moderator";

export interface Reader extends Person {
  readonly role: Role;
}

/**
 * A quote of at most 256 characters is whole in `exact`. A longer one keeps its first 128 characters
 * in `exact`, its last 128 in `tail`, and its whole size in `length` (UTF-16 units, as all offsets here).
 */
export interface Quote {
  readonly exact: string;
  readonly prefix: string;
  readonly suffix: string;
  readonly tail?: string;
  readonly length?: number;
}

export interface Anchor {
  readonly quote: Quote;
  /** Offsets in the page's normalised text. */
  readonly position: { readonly start: number; readonly end: number };
  /**
   * `count.twins.rival.before.after`: in how many places the quote stood (500: or more), in how many with its context, the
   * hundredths of its surroundings that its rival had, and the surroundings. A gateway keeps it as it is.
   */
  readonly hint?: string;
}

/** The first comment of a chat leaves out `id`, `by`, `at`: they are the chat's. */
export interface WireComment {
  readonly id?: string;
  readonly by?: Person;
  readonly at?: number;
  readonly text?: string;
  readonly edited?: number | boolean;
  readonly reactions?: Readonly<Record<string, readonly (string | number)[]>>;
  readonly deleted?: true;
}

export type ChatState = "open" | "resolved";

export interface WireChat {
  readonly id: string;
  readonly seq: number;
  readonly state: ChatState;
  readonly anchor: Anchor;
  readonly by: Person;
  readonly at: number;
  readonly comments: readonly WireComment[];
  /** This entry continues the chat of the same id: its comments append. */
  readonly cont?: boolean;
}

/** What an `updated-text-chat` event carries: the chat's id and only what changed. */
export interface ChatChange {
  readonly id: string;
  readonly seq?: number;
  readonly state?: ChatState;
  readonly anchor?: Anchor;
  readonly comment?: WireComment;
}

interface EventBase {
  readonly seq: number;
  readonly broadcastId: string;
  /** The other operations that this entry stands for. */
  readonly merged?: readonly string[];
}

export type PageEvent =
  | (EventBase & { readonly event: "new-text-chat"; readonly chat: WireChat })
  | (EventBase & { readonly event: "updated-text-chat"; readonly chat: ChatChange })
  | (EventBase & { readonly event: "deleted-text-chat"; readonly chat: { readonly id: string } });

export interface WelcomeFrame {
  readonly t: "welcome";
  readonly v: number;
  readonly tenant: string;
  readonly reader: Reader;
  readonly limits?: Readonly<Record<string, number>>;
  readonly renewInMs?: number;
}

export interface PageFrame {
  readonly t: "page";
  readonly page: string;
  readonly epoch: string;
  readonly seq: number;
  readonly kind: "snapshot" | "changes";
  readonly chats: readonly WireChat[];
  readonly gone: readonly string[];
  readonly readers: number;
  readonly more?: boolean;
}

export interface LiveFrame {
  readonly t: "live";
  readonly page: string;
  readonly epoch: string;
  readonly after: number;
  readonly seq: number;
  readonly events: readonly PageEvent[];
}

export interface ErrorFrame {
  readonly t: "error";
  readonly code: string;
  readonly message: string;
  readonly help?: string;
  readonly broadcastId?: string;
  readonly page?: string;
  readonly retryInMs?: number;
}

export type GatewayFrame =
  | WelcomeFrame
  | PageFrame
  | LiveFrame
  | ErrorFrame
  | { readonly t: "presence"; readonly page: string; readonly readers: number }
  | { readonly t: "ack"; readonly broadcastId: string; readonly page: string; readonly seq: number }
  | { readonly t: "resync"; readonly page: string; readonly why: string }
  | { readonly t: "move"; readonly withinMs: number }
  | { readonly t: "renew"; readonly withinMs: number }
  | { readonly t: "typing"; readonly page: string; readonly chat: string; readonly reader: Person | string }
  | { readonly t: "pong" };

/** `traceparent`: the W3C trace context that it is sent with, each time that it is sent. */
export type Operation = { readonly traceparent?: string | undefined } & (
  | { readonly op: "new-chat"; readonly anchor: Anchor; readonly text: string }
  | { readonly op: "reply"; readonly chat: string; readonly text: string }
  | { readonly op: "edit"; readonly chat: string; readonly comment: string; readonly text: string }
  | { readonly op: "remove-comment"; readonly chat: string; readonly comment: string }
  | { readonly op: "resolve"; readonly chat: string }
  | { readonly op: "reopen"; readonly chat: string }
  | { readonly op: "relink"; readonly chat: string; readonly anchor: Anchor }
  | { readonly op: "react"; readonly chat: string; readonly comment: string; readonly emoji: string; readonly on: boolean }
  | { readonly op: "delete-chat"; readonly chat: string }
);

export type ClientFrame =
  | { readonly t: "hello"; readonly v: 1; readonly token: string; readonly client: string }
  | { readonly t: "join"; readonly page: string; readonly since?: Cursor }
  | { readonly t: "leave"; readonly page: string }
  | ({ readonly t: "do"; readonly page: string; readonly broadcastId: string } & Operation)
  | { readonly t: "typing"; readonly page: string; readonly chat: string }
  | { readonly t: "renew"; readonly token: string }
  | { readonly t: "ping" };

/** The largest frame either side accepts, in bytes; a larger operation is refused before it is sent. */
export const MAX_FRAME_BYTES = 64 * 1024;

/** Reads one text frame; anything that is not an object with a `t` is `null` and is ignored by the caller. */
export function parseFrame(text: string): GatewayFrame | null {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && typeof (value as { t?: unknown }).t === "string") {
      return value as GatewayFrame;
    }
  } catch {
    // A frame that is no JSON says nothing about any page; the next one stands on its own.
  }
  return null;
}
