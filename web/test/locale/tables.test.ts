import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { LANGUAGES, faults, list, numbered, table } from "../../locales.mjs";
import { type Strings, counted } from "../../src/view/strings";

const messages = (language: string): Record<string, string> => JSON.parse(readFileSync(`src/locale/${language}.json`, "utf8"));

describe.each(LANGUAGES)("the sentences in %s", (language) => {
  it("are all there, with every plural form and placeholder", () => {
    expect(faults(language, messages(language), messages("en"))).toEqual([]);
  });

  it("have no form of which a number is missing or that is chosen by nobody", () => {
    const strings = table(language) as unknown as Strings;
    for (const [key, forms] of Object.entries(strings).filter(([, text]) => typeof text === "string" && text.includes("|"))) {
      const drawn = new Set(Array.from({ length: 1_001 }, (_, count) => counted(strings, forms as string, count)));
      expect([key, [...drawn].filter((text) => text.includes("#") || text.includes("undefined"))]).toEqual([key, []]);
    }
  });

  // What is longer than this in a language does not fit where English was drawn; the pictures show it, this says it sooner.
  it("fit where the English ones do", () => {
    const english = messages("en");
    for (const [key, text] of Object.entries(messages(language))) {
      if (text.includes("plural")) continue;
      expect([key, text.length <= Math.max(20, (english[key] as string).length * 2)]).toEqual([key, true]);
    }
  });
});

it("English is not left standing in another script", () => {
  const script: Record<string, RegExp> = { ru: /\p{Script=Cyrillic}/u, ja: /[\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Han}]/u, ar: /\p{Script=Arabic}/u };
  for (const [language, letters] of Object.entries(script)) {
    for (const [key, text] of Object.entries(messages(language))) expect([language, key, letters.test(text)]).toEqual([language, key, true]);
  }
});

describe("the build stops at", () => {
  const english = { greet: "Hello {name}", count: "{count, plural, one {# reply} other {# replies}}" };
  const russian = { greet: "Привет, {name}", count: "{count, plural, one {# ответ} few {# ответа} many {# ответов} other {# ответа}}" };

  it("nothing, when all is well", () => expect(faults("ru", russian, english)).toEqual([]));

  it.each([
    ["a missing key", { count: russian.count }, /"greet" is missing/],
    ["an unknown key", { ...russian, more: "ещё" }, /"more" is unknown/],
    ["a missing plural form", { ...russian, count: "{count, plural, one {# ответ} few {# ответа} other {# ответа}}" }, /lacks the plural form "many"/],
    ["a plural form of another language", { ...russian, count: russian.count.replace("other", "two {два} other") }, /has the plural form "two"/],
    ["a form for 1, 21, 31 without the number", { ...russian, count: russian.count.replace("{# ответ}", "{один ответ}") }, /does not say the number/],
    ["a placeholder that differs", { ...russian, greet: "Привет, {user}" }, /placeholders \[user\], not \[name\]/],
    ["a plural that is none any more", { ...russian, count: "ответы" }, /placeholders \[\], not \[count\]/],
    ["an empty sentence", { ...russian, greet: "" }, /greet/],
    ["what no parser reads", { ...russian, greet: "Привет, {name" }, /greet/],
    ["what the view cannot fill", { ...russian, greet: "{name, number}" }, /another kind|other than/],
  ])("%s", (_, broken, complaint) => {
    const found = faults("ru", broken as Record<string, string>, english);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(complaint);
  });
});

it("what is shipped has no keys: a sentence is found by its number", () => {
  const shipped = JSON.parse(list("en")) as unknown[];
  const [, at] = numbered("strings.send", "x").match(/^strings\[(\d+)\]$/) ?? [];
  expect(shipped[Number(at)]).toBe("Send");
  expect(numbered('import "./strings.ts"; strings.unheard', "x")).toBe('import "./strings.ts"; strings.unheard');
  expect(() => numbered("strings[key]", "x")).toThrow();
  expect(() => numbered("function f({ send }: Strings) {}", "x")).toThrow();
});
