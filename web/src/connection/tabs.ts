/** What tabs of one browser need to share a connection: a channel, and locks that end with whoever holds them. */

export interface Channel {
  post(message: TabMessage): void;
  close(): void;
}

export interface Tabs {
  /** This instance's name. It holds the lock of that name for as long as it lives. */
  readonly me: string;
  /** Somebody looks at this tab. */
  visible(): boolean;
  /** Everybody else who opened the same name hears what is posted, in order. */
  channel(name: string, onMessage: (message: TabMessage) => void): Channel;
  /**
   * Queues for the lock, or takes it from whoever holds it. `onGranted` when it is ours, `onStolen` when it was taken
   * from us. The answer leaves the queue, or gives the lock back.
   */
  lock(name: string, steal: boolean, onGranted: () => void, onStolen?: () => void): () => void;
}

/** Between the tabs. A token is never among it. */
export type TabMessage =
  /** A follower to whoever leads: a frame of the wire. */
  | { readonly k: "up"; readonly from: string; readonly text: string }
  /** The leader to one follower, or to all that look at a page. */
  | { readonly k: "down"; readonly from: string; readonly to: readonly string[]; readonly text: string }
  /** The leader's connection is gone, or does not take this follower. */
  | { readonly k: "closed"; readonly from: string; readonly to: readonly string[]; readonly code: number; readonly reason: string }
  /** The leader is connecting: its word will come. */
  | { readonly k: "wait"; readonly from: string; readonly to: readonly string[] }
  /** `from` leads from here on, or has a connection again. */
  | { readonly k: "leads"; readonly from: string }
  | { readonly k: "bye"; readonly from: string };
