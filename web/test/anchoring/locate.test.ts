// @vitest-environment jsdom
import { describe as group, expect, it } from "vitest";
import { anchorAt as made } from "../../src/anchoring/describe";
import { Haystack } from "../../src/anchoring/haystack";
import locate from "../../src/anchoring/locate";
import type { Location } from "../../src/anchoring/unmoved";
import { TextIndex } from "../../src/anchoring/text-index";
import type { Anchor } from "../../src/wire/frames";
import { article } from "./federalist";

const TEXT = new TextIndex(article()).text;

const HAYSTACK = new Haystack(TEXT);

function anchorAt(start: number, end: number, text = TEXT): Anchor {
  return made(text, text === TEXT ? HAYSTACK : new Haystack(text), start, end);
}

function anchorOf(words: string, text = TEXT): Anchor {
  const start = text.indexOf(words);
  return anchorAt(start, start + words.length, text);
}

/** Dice that fall the same way in every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Quotes of one word to a hundred words, all over the article, on word borders. */
function trials(count: number): { start: number; end: number }[] {
  const dice = seeded(7);
  const borders = [...TEXT.matchAll(/(?<= )\S/g)].map((match) => match.index);
  return Array.from({ length: count }, () => {
    const size = [1, 3, 8, 20, 100][Math.floor(dice() * 5)] ?? 3;
    const from = Math.floor(dice() * (borders.length - size - 40)) + 20;
    return { start: borders[from] ?? 0, end: (borders[from + size] ?? 1) - 1 };
  });
}

function overlap(found: Location, start: number, end: number): number {
  if (found.state === "orphan") return 0;
  const shared = Math.min(found.end, end) - Math.max(found.start, start);
  return Math.max(0, shared) / (Math.max(found.end, end) - Math.min(found.start, start));
}

/** As a program makes it that knows nothing of hints. */
function bare({ quote, position }: Anchor): Anchor {
  return { quote, position };
}

group("an anchor without a hint", () => {
  it("is found where nothing changed, and where its sentence was rewritten", () => {
    for (const { start, end } of trials(200)) expect(locate(bare(anchorAt(start, end)), TEXT)).toEqual({ state: "anchored", start, end });
    const words = "Liberty is to faction what air is to fire, an aliment without which it instantly expires.";
    expect(locate(bare(anchorOf(words)), TEXT.replace("what air", "as air")).state).toBe("changed");
  });

  it("is not hung on other words when its own are deleted: at most one of 100", () => {
    const all = trials(400);
    const wrong = all.filter(({ start, end }) => !["orphan", "uncertain"].includes(locate(bare(anchorAt(start, end)), TEXT.slice(0, start) + TEXT.slice(end)).state));
    expect(wrong.length / all.length).toBeLessThanOrEqual(0.01);
  });
});

group("a page that did not change", () => {
  it("finds each of 400 quotes exactly, one word or a hundred", () => {
    for (const { start, end } of trials(400)) {
      expect(locate(anchorAt(start, end), TEXT)).toEqual({ state: "anchored", start, end });
    }
  });
});

group("a page that changed", () => {
  it("follows the words when text is put in before them", () => {
    const text = `A new preface, of some length, was put in here. ${TEXT}`;
    const shift = text.length - TEXT.length;
    for (const { start, end } of trials(200)) {
      expect(locate(anchorAt(start, end), text)).toEqual({ state: "anchored", start: start + shift, end: end + shift });
    }
  });

  it("finds a rewritten sentence between its old neighbours, and says that it changed", () => {
    const words = "Liberty is to faction what air is to fire, an aliment without which it instantly expires.";
    const rewritten = "Liberty is to faction as air is to fire, a food without which it soon expires.";
    const text = TEXT.replace(words, rewritten);
    const found = locate(anchorOf(words), text);
    expect(found.state).toBe("changed");
    if (found.state !== "orphan") expect(text.slice(found.start, found.end)).toBe(rewritten);
  });

  it("shows a paragraph that moved and was edited as a guess: it may be another one", () => {
    const words = "The inference to which we are brought is, that the causes of faction cannot be removed";
    const text = `${TEXT.replace(words, "")} The inference to which we are brought is that the cause of faction can not be removed`;
    const found = locate(anchorOf(words), text);
    expect(found.state).toBe("uncertain");
    if (found.state !== "orphan") expect(text.slice(found.start, found.end)).toContain("The inference to which we are brought");
  });

  it("finds a long quote by its head and tail", () => {
    const start = TEXT.indexOf("The effect of the first difference");
    const text = `Inserted. ${TEXT}`;
    expect(locate(anchorAt(start, start + 900), text)).toEqual({ state: "anchored", start: start + 10, end: start + 910 });
    const edited = TEXT.replace("convened for the purpose", "assembled for exactly this one purpose");
    const found = locate(anchorAt(start, start + 900), edited);
    expect(found.state).toBe("changed");
    expect(overlap(found, start, start + 914)).toBeGreaterThan(0.95);
  });

  it("finds at least 95 of 100 edited quotes, and puts at most one wrong", () => {
    const dice = seeded(11);
    let right = 0;
    let wrong = 0;
    const all = trials(400).filter(({ start, end }) => end - start > 12);
    for (const { start, end } of all) {
      const words = TEXT.slice(start, end).split(" ");
      const edited = words.map((word) => (dice() < 0.2 ? "altered" : word)).join(" ");
      const text = TEXT.slice(0, start) + edited + TEXT.slice(end);
      const found = locate(anchorAt(start, end), text);
      const share = overlap(found, start, start + edited.length);
      if (share >= 0.6) right += 1;
      else if (found.state === "anchored" || found.state === "changed") wrong += 1;
    }
    expect(right / all.length).toBeGreaterThanOrEqual(0.95);
    expect(wrong / all.length).toBeLessThanOrEqual(0.01);
  });
});

group("words that are gone", () => {
  it("are not found somewhere else: at most one of 100, and most know where they were", () => {
    let wrong = 0;
    let placed = 0;
    const all = trials(400);
    for (const { start, end } of all) {
      const found = locate(anchorAt(start, end), TEXT.slice(0, start) + TEXT.slice(end));
      if (found.state === "anchored" || found.state === "changed") wrong += 1;
      if (found.state === "orphan" && found.start !== undefined && Math.abs(found.start - start) < 8) placed += 1;
    }
    expect(wrong / all.length).toBeLessThanOrEqual(0.01);
    expect(placed / all.length).toBeGreaterThan(0.9);
  });

  it("are an orphan when their whole neighbourhood is gone", () => {
    for (const { start, end } of trials(100)) {
      const found = locate(anchorAt(start, end), TEXT.slice(0, Math.max(0, start - 400)) + TEXT.slice(end + 400));
      expect(["orphan", "uncertain"]).toContain(found.state);
    }
  });

  it("are an orphan on an empty page and on another page", () => {
    const anchor = anchorOf("the violence of faction");
    expect(locate(anchor, "").state).toBe("orphan");
    expect(locate(anchor, "Call me Ishmael. Some years ago, never mind how long precisely, I went to sea.").state).toBe("orphan");
  });
});

group("twin sentences", () => {
  const twins = "Team Alpha won the cup in June. The players were praised by all. Team Beta won the cup in July. The players were praised by all. The end of it.";
  const second = twins.lastIndexOf("The players");
  const sentence = "The players were praised by all.";

  it("each is found in its own place", () => {
    const first = twins.indexOf(sentence);
    expect(locate(anchorAt(first, first + sentence.length, twins), twins)).toMatchObject({ state: "anchored", start: first });
    expect(locate(anchorAt(second, second + sentence.length, twins), twins)).toMatchObject({ state: "anchored", start: second });
  });

  it("when one is deleted, its annotation never silently lands on the other", () => {
    const text = twins.slice(0, second - 1) + twins.slice(second + sentence.length);
    const found = locate(anchorAt(second, second + sentence.length, twins), text);
    expect(["orphan", "uncertain"]).toContain(found.state);
  });
});
