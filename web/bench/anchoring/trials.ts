import { anchorAt } from "../../src/anchoring/describe";
import locate from "../../src/anchoring/locate";
import type { Location } from "../../src/anchoring/unmoved";
import { Haystack } from "../../src/anchoring/haystack";
import type { Anchor } from "../../src/wire/frames";
import { Dice } from "./dice";
import { DELETES, KEEPS, type Placed, type Words, split } from "./edits";

/** Words of a quote, from and to. */
const SIZES: readonly (readonly [number, number])[] = [[1, 1], [3, 8], [10, 25], [60, 120]];
/** Intersection over union with the true place, at least, to be right. */
const RIGHT = 0.6;

export type Outcome = "right" | "wrong" | "guessed right" | "guessed wrong" | "missed";

export interface Trial {
  readonly edit: string;
  readonly deletes: boolean;
  readonly size: number;
  readonly outcome: Outcome;
  readonly ms: number;
  readonly anchor: Anchor & { readonly hint: string };
  readonly page: Placed;
  readonly found: Location;
}

/** Runs every edit on quotes of every size, `count` of them each; the same trials for the same seed. */
export function* run(text: string, space: string, count: { keeps: number; deletes: number }, seed: number): Generator<Trial> {
  const borders = space === "" ? Array.from({ length: text.length >> 1 }, (_, at) => 2 * at) : [...text.matchAll(/(?<= )\S/g)].map(({ index }) => index);
  const words: Words = { space, vocabulary: split(text.slice(0, 200_000), space).filter((word) => word !== "") };
  const dice = new Dice(seed);
  const haystack = new Haystack(text);
  for (const [kinds, deletes, times] of [[KEEPS, false, count.keeps], [DELETES, true, count.deletes]] as const) {
    for (const [edit, apply] of Object.entries(kinds)) {
      for (const [size, [low, high]] of SIZES.entries()) {
        for (let left = times; left > 0; left -= 1) {
          const long = dice.between(low, high);
          const first = dice.between(0, borders.length - long - 2);
          const start = borders[first] ?? 0;
          const end = (borders[first + long] ?? text.length) - space.length;
          const anchor = anchorAt(text, haystack, start, end);
          const page = apply({ text, start, end }, words, dice);
          const began = performance.now();
          const found = locate(anchor, page.text);
          yield { edit, deletes, size, ms: performance.now() - began, outcome: judge(found, page, deletes), anchor, page, found };
        }
      }
    }
  }
}

function judge(found: Location, { start, end }: Placed, deletes: boolean): Outcome {
  if (found.state === "orphan") return deletes ? "right" : "missed";
  const shared = Math.min(found.end, end) - Math.max(found.start, start);
  const right = !deletes && shared / (Math.max(found.end, end) - Math.min(found.start, start)) >= RIGHT;
  if (found.state === "uncertain") return right ? "guessed right" : "guessed wrong";
  return right ? "right" : "wrong";
}
