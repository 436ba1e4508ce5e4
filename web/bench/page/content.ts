import { anchorAt } from "../../src/anchoring/describe";
import { Haystack } from "../../src/anchoring/haystack";
import { Dice } from "../anchoring/dice";
import { SCRIPTS, prose } from "../anchoring/prose";

/** Sentences of a paragraph. */
const SENTENCES = 5;
/** Words of a quote, from and to. */
const QUOTE = [3, 25] as const;

/** A page of so many characters in paragraphs, and so many chats on quotes all over it. */
export function content(characters: number, count: number): { page: string; chats: object[] } {
  const sentences = prose(SCRIPTS.latin, characters, 31).split(/(?<=\.) /);
  const paragraphs = Array.from({ length: Math.ceil(sentences.length / SENTENCES) }, (_, at) => sentences.slice(at * SENTENCES, (at + 1) * SENTENCES).join(" "));
  const text = paragraphs.join(" ");
  const haystack = new Haystack(text);
  const dice = new Dice(7);
  const borders = [...text.matchAll(/(?<= )\S/g)].map(({ index }) => index);
  const chats = Array.from({ length: count }, (_, at) => {
    const long = dice.between(...QUOTE);
    const first = Math.floor((at * (borders.length - 30)) / count);
    const start = borders[first] ?? 0;
    const anchor = anchorAt(text, haystack, start, (borders[first + long] ?? text.length) - 1);
    const id = `00000000-0000-4000-8000-${String(at).padStart(12, "0")}`;
    return { id, seq: at + 1, state: "open", anchor, by: { id: `r${at % 50}`, name: `Reader ${at % 50}` }, at: 1_790_000_000_000 + at, comments: [{ text: `Comment ${at}` }] };
  });
  const body = paragraphs.map((paragraph, at) => `${at % 20 === 0 ? `<h2 id="s${at}"></h2>` : ""}<p>${paragraph}</p>`).join("\n");
  return { page: `<!doctype html><html lang="en"><title>bench</title><body style="margin:0 420px 0 20px;font:16px/1.5 serif"><main>${body}</main><script src="/bench.js"></script>`, chats };
}
