import type { Person } from "../wire/frames";
import { plainText } from "./markup";
import { folded } from "./mentions";

export const SHOWS = ["all", "open", "resolved", "mine", "unread"] as const;
export type Show = (typeof SHOWS)[number];

export interface Filter {
  readonly show: Show;
  /** Words that all must occur in the passage, the comments or the names; case and accents do not matter. */
  readonly words: string;
}

export const EVERYTHING: Filter = { show: "all", words: "" };

interface Talk {
  readonly state: "open" | "resolved";
  readonly anchor: { readonly quote: { readonly exact: string; readonly tail?: string } };
  readonly comments: readonly { readonly by: Person; readonly text: string }[];
}

/** Whether a discussion is among what the reader asked for. `mine`: one in which this reader wrote. */
export function passes(talk: Talk, { show, words }: Filter, me: string, unread: number): boolean {
  const asked =
    show === "mine" ? talk.comments.some(({ by }) => by.id === me)
    : show === "unread" ? unread > 0
    : show === "all" || talk.state === show;
  const wanted = folded(words).split(/\s+/).filter(Boolean);
  if (!asked || wanted.length === 0) return asked;
  const { exact, tail = "" } = talk.anchor.quote;
  const text = folded([exact, tail, ...talk.comments.map(({ by, text }) => `${by.name ?? ""} ${plainText(text)}`)].join("\n"));
  return wanted.every((word) => text.includes(word));
}
