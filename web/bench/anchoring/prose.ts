import { Dice } from "./dice";

/** How a language that nobody speaks is written. */
interface Script {
  /** Syllables, or the characters of a script without spaces. */
  readonly pieces: readonly string[];
  readonly space: string;
  readonly comma: string;
  readonly stop: string;
}

function pairs(first: string, second: string): string[] {
  return [...first].flatMap((one) => [...second].map((two) => one + two));
}

export const SCRIPTS = {
  latin: { pieces: pairs("bcdfghlmnprstvz", "aeiou"), space: " ", comma: ", ", stop: ". " },
  cyrillic: { pieces: pairs("бвгдзклмнпрстх", "аеиоуы"), space: " ", comma: ", ", stop: ". " },
  arabic: { pieces: pairs("بتجدرسشعفقكلمنه", "اوي"), space: " ", comma: "، ", stop: ". " },
  han: { pieces: Array.from({ length: 1_200 }, (_, at) => String.fromCharCode(0x4e00 + 7 * at)), space: "", comma: "，", stop: "。" },
} satisfies Record<string, Script>;

const VOCABULARY = 6_000;

/** About `size` characters of prose: Zipf's share of each word, sentences of 5 to 30 words, commas. */
export function prose(script: Script, size: number, seed: number): string {
  const dice = new Dice(seed);
  const most = script.space === "" ? 2 : 4;
  const words = Array.from({ length: VOCABULARY }, (_, rank) =>
    Array.from({ length: rank < 60 ? 1 : dice.between(1, most) }, () => dice.pick(script.pieces)).join(""),
  );
  const parts: string[] = [];
  for (let length = 0; length < size; ) {
    const count = dice.between(5, 30);
    for (let at = 1; at <= count; at += 1) {
      // The rank of a word is log-uniform: the r-th one is used in proportion to 1/r.
      const word = words[Math.floor(VOCABULARY ** dice.next()) - 1] ?? "";
      const after = at === count ? script.stop : dice.chance(0.08) ? script.comma : script.space;
      parts.push(word, after);
      length += word.length + after.length;
    }
  }
  return parts.join("").trim();
}
