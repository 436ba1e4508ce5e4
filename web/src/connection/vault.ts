import type { ErrorFrame } from "../wire/frames";
import type { Pending } from "./outbox";

/** A change that no server has acknowledged, as it outlives the page. Plain data. */
export interface Unsent extends Pick<Pending, "broadcastId" | "page" | "operation" | "by" | "at" | "tenant"> {
  /** Their order on the page: a clock would lie. */
  readonly order: number;
  /** The server's last word on it, where it was refused. */
  readonly refusal?: Pick<ErrorFrame, "code" | "message" | "help">;
}

export interface Saved {
  /** In order. Only what no living tab holds. */
  readonly unsent: readonly Unsent[];
  readonly drafts: Readonly<Record<string, string>>;
}

/**
 * Where text outlives the page. Nothing here ever fails: a full disk or a private window keeps less, and the page goes on
 * with what it has in memory.
 */
export interface Vault {
  load(page: string): Promise<Saved>;
  keep(unsent: Unsent): void;
  drop(page: string, broadcastId: string): void;
  /** An empty text forgets the draft. */
  draft(page: string, key: string, text: string): void;
}
