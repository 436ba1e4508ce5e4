/** One emoji under a comment. */
export interface Reaction {
  readonly emoji: string;
  readonly count: number;
  /** This reader is among them. */
  readonly mine: boolean;
  /** Ids of those who are known; the wire names at most 50. */
  readonly by: readonly string[];
}

/** Offered first; any other emoji may come from elsewhere. */
export const COMMON = ["👍", "❤️", "🎉", "😄", "🤔", "👀", "🙏", "👎"] as const;

/** What was chosen by anybody, in the order in which it came. A number among the ids stands for so many more. */
export function reactions(given: Readonly<Record<string, readonly (string | number)[]>>, me: string): Reaction[] {
  return Object.entries(given).flatMap(([emoji, readers]) => {
    const by = readers.filter((reader) => typeof reader === "string");
    const count = by.length + readers.reduce<number>((sum, reader) => sum + (typeof reader === "number" ? reader : 0), 0);
    return count > 0 ? [{ emoji, count, mine: by.includes(me), by }] : [];
  });
}
