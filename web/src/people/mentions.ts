import type { Person } from "../wire/frames";

/**
 * A mention in a comment's text is `@[Name](id)`, the id percent-encoded. Whoever writes sees `@Name`: names become mentions
 * when the text is sent, and mentions names again when it is edited.
 */
export type Names = ReadonlyMap<string, string>;

/** Longest name part that is looked up, in UTF-16 units. */
const QUERY = 40;

const MENTION = /@\[([^\]\n]{1,128})\]\(([^()\s]{1,400})\)/gu;
const ASKING = new RegExp(String.raw`(?<![\p{L}\p{N}])@((?:[\p{L}\p{N}\p{M}.'_-]+ ?){0,3})$`, "u");

/** The form that is sent. Half a surrogate pair, which cannot be encoded, is none of anybody's id. */
export function mention(name: string, id: string): string {
  const escaped = encodeURIComponent(id.replace(/\p{Cs}/gu, "\ufffd")).replace(/[!'()*_~]/g, (sign) => `%${sign.charCodeAt(0).toString(16)}`);
  return `@[${label(name)}](${escaped})`;
}

/** A name as it can stand in a mention. */
export function label(name: string): string {
  return name.replace(/[[\]\s]+/g, " ").trim().slice(0, 128) || "?";
}

/** The part of a name after an `@` before the caret, and where that `@` is; `null` where nobody is being named. */
export function asking(text: string, caret: number): { readonly from: number; readonly query: string } | null {
  const query = ASKING.exec(text.slice(Math.max(0, caret - QUERY), caret))?.[1];
  return query === undefined ? null : { from: caret - query.length - 1, query };
}

/** The text with the name in place of what was typed for it, and where the caret goes. */
export function named(text: string, from: number, caret: number, name: string): { readonly text: string; readonly caret: number } {
  const put = `@${name} `;
  const rest = text.slice(caret);
  return { text: text.slice(0, from) + put + (rest.startsWith(" ") ? rest.slice(1) : rest), caret: from + put.length };
}

/** What is sent: each `@Name` of a picked person as a mention, the longest name first. */
export function written(text: string, names: Names): string {
  const known = [...names.keys()].sort((a, b) => b.length - a.length).map((name) => name.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&"));
  if (known.length === 0) return text;
  const seen = new RegExp(String.raw`(?<![\p{L}\p{N}])@(${known.join("|")})(?![\p{L}\p{N}])`, "gu");
  return text.replace(seen, (_, name: string) => mention(name, names.get(name) ?? ""));
}

/** What is edited: each mention as `@Name`; who they are is added to `names`. */
export function readable(text: string, names: Map<string, string>): string {
  return text.replace(MENTION, (whole, name: string, id: string) => {
    const person = personIn(id);
    // Two people of one name: the second stays as it is, so that it cannot become the first.
    if ((names.get(name) ?? person) !== person) return whole;
    names.set(name, person);
    return `@${name}`;
  });
}

/** The id as it is, where it was written by hand with a percent sign of its own. */
export function personIn(escaped: string): string {
  try {
    return decodeURIComponent(escaped);
  } catch {
    return escaped;
  }
}

/** People whose name has a word that begins as was typed; nobody twice, and not more than `most`. */
export function matching(people: readonly Person[], query: string, most: number): Person[] {
  const wanted = folded(query.trim());
  const found = new Map<string, Person>();
  for (const person of people) {
    const name = folded(person.name ?? "");
    if (name !== "" && (name.startsWith(wanted) || name.includes(` ${wanted}`))) found.set(person.id, person);
    if (found.size === most) break;
  }
  return [...found.values()];
}

/** Without case and accents, for comparing what people type. */
export function folded(text: string): string {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}
