/** What one reader has read of a page: kept where that reader reads, never sent. */

/** Nothing older is unread: what was kept about it may be forgotten by then. Milliseconds. */
export const UNREAD_FOR_MS = 30 * 86_400_000;

/** Up to where a discussion was read: its last comment then. */
export interface Read {
  readonly id: string;
  readonly at: number;
}

interface Talk {
  readonly id: string;
  readonly comments: readonly { readonly id: string; readonly at: number; readonly by: { readonly id: string } }[];
}

/**
 * The comments of others behind the one that was read last, in the discussion's own order (clocks of gateways differ); if that
 * one is gone, those that are later. What was there before this reader's first visit, `since`, was never new.
 */
export function unread(talk: Talk, read: Read | undefined, since: number, me: string, now: number): number {
  const place = read === undefined ? -1 : talk.comments.findIndex(({ id }) => id === read.id);
  const after = place === -1 ? (read?.at ?? 0) : 0;
  const oldest = Math.max(read === undefined ? since : 0, after, now - UNREAD_FOR_MS);
  return talk.comments.filter(({ at, by }, index) => index > place && by.id !== me && at > oldest).length;
}

/** The mark to keep when all of a discussion is in sight; `null` where it is the same as before. */
export function reading(talk: Talk, read: Read | undefined): Read | null {
  const last = talk.comments.at(-1);
  return last === undefined || last.id === read?.id ? null : { id: last.id, at: Math.max(last.at, read?.at ?? 0) };
}
