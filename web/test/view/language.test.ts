// @vitest-environment jsdom
import { expect, it, vi } from "vitest";
import { inLanguage } from "../../src/view/language";
import type { Strings } from "../../src/view/strings";

/** What was begun with, and whether it has ended. */
function asked(tag: string): { begun: Strings[]; ended: number; end: () => void } {
  const heard = { begun: [] as Strings[], ended: 0, end: () => {} };
  heard.end = inLanguage(tag, (strings) => {
    heard.begun.push(strings);
    return () => void (heard.ended += 1);
  });
  return heard;
}

it.each([["en", "en"], ["en-GB", "en-GB"], ["", "en"], ["xx", "en"], ["pt-BR", "en"], ["no tag at all!", "en"]])("%s begins at once in English, with the dates of %s", (tag, locale) => {
  expect(asked(tag).begun.map(({ send, locale }) => [send, locale])).toEqual([["Send", locale]]);
});

it.each([["de", "Senden", false], ["de-AT", "Senden", false], ["ar", "إرسال", true], ["ja-JP", "送信", false]])("%s begins when its sentences are here", async (tag, send, rtl) => {
  const heard = asked(tag);
  expect(heard.begun).toEqual([]);
  await vi.waitFor(() => expect(heard.begun.map((strings) => [strings.send, strings.locale, strings.rtl])).toEqual([[send, tag, rtl]]));
  heard.end();
  expect(heard.ended).toBe(1);
});

it("does not begin what has ended meanwhile", async () => {
  const early = asked("fr");
  early.end();
  const late = asked("fr");
  await vi.waitFor(() => expect(late.begun).toHaveLength(1));
  expect(early.begun).toEqual([]);
});
