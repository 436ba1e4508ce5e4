// @vitest-environment jsdom
import { describe, expect, it } from "vitest";
import { pageId } from "../src/host/page-id";
import { listen } from "../src/host/signals";
import { ago, counted, english } from "../src/view/strings";

describe("the page's id", () => {
  it.each([
    ["https://a.test/post/7#comments", "https://a.test/post/7"],
    ["https://a.test/p?utm_source=x&id=7&fbclid=9&UTM_Medium=y", "https://a.test/p?id=7"],
    ["https://a.test/p?gclid=1", "https://a.test/p"],
    ["https://a.test/p?ref=7", "https://a.test/p?ref=7"],
  ])("%s → %s", (address, id) => expect(pageId(address)).toBe(id));

  it("drops a query that makes it too long, and refuses an address that stays too long", () => {
    expect(pageId(`https://a.test/p?q=${"x".repeat(600)}`)).toBe("https://a.test/p");
    expect(() => pageId(`https://a.test/${"x".repeat(600)}`)).toThrow(/too long/);
  });
});

describe("signals", () => {
  it("tells the connection, and stops when asked", () => {
    const heard: string[] = [];
    const stop = listen(
      { nudge: () => heard.push("nudge"), replace: () => heard.push("replace"), pause: () => heard.push("pause") },
      { away: () => heard.push("away"), back: () => heard.push("back") },
    );
    const back = new Event("pageshow") as PageTransitionEvent;
    Object.defineProperty(back, "persisted", { value: true });
    dispatchEvent(new Event("online"));
    dispatchEvent(new Event("offline"));
    document.dispatchEvent(new Event("resume"));
    document.dispatchEvent(new Event("visibilitychange"));
    dispatchEvent(new Event("pagehide"));
    dispatchEvent(back);
    document.dispatchEvent(new Event("freeze"));
    expect(heard).toEqual(["nudge", "nudge", "back", "replace", "nudge", "pause", "away", "back", "replace", "pause", "away"]);
    stop();
    for (const name of ["online", "pagehide", "pageshow"]) dispatchEvent(new Event(name));
    expect(heard).toHaveLength(11);
  });
});

describe("words and numbers", () => {
  it("follow the language's plural rules", () => {
    expect([0, 1, 2, 1_234].map((count) => counted(english, english.readers, count))).toEqual([
      "0 readers", "1 reader", "2 readers", "1,234 readers",
    ]);
    const russian = { ...english, locale: "ru", plurals: ["one", "few", "many", "other"] };
    const forms = "# ответ|# ответа|# ответов|# ответа";
    expect([1, 3, 5, 21, 1.5].map((count) => counted(russian, forms, count))).toEqual(["1 ответ", "3 ответа", "5 ответов", "21 ответ", "1,5 ответа"]);
  });

  it("say how long ago, and never the future", () => {
    const now = 1_800_000_000_000;
    expect(ago(english, now + 60_000, now)).toBe("now");
    expect(ago(english, now - 120_000, now)).toBe("2 minutes ago");
    expect(ago(english, now - 86_400_000, now)).toBe("yesterday");
  });
});
