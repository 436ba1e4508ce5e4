import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Arrivals } from "../../src/people/arrivals";
import { EVERYTHING, SHOWS, passes } from "../../src/people/filter";
import { linkTo, linked } from "../../src/people/links";
import { parse } from "../../src/people/markup";
import { asking, label, matching, mention, named, readable, written } from "../../src/people/mentions";
import { reactions } from "../../src/people/reactions";
import { UNREAD_FOR_MS, reading, unread } from "../../src/people/unread";

const NOW = 1_795_000_000_000;
const ids = fc.constantFrom("me", "a", "b");
const talks = fc
  .array(fc.record({ by: ids.map((id) => ({ id })), at: fc.integer({ min: NOW - 2 * UNREAD_FOR_MS, max: NOW }) }), { minLength: 1, maxLength: 12 })
  .map((comments) => ({ id: "t", comments: comments.map((comment, index) => ({ ...comment, id: `c${index}` })) }));

describe("unread", () => {
  it("is nothing right after reading, and each comment of another after that, whatever the clocks say", () => {
    fc.assert(
      fc.property(talks, fc.integer({ min: 0, max: 11 }), (talk, cut) => {
        const before = { ...talk, comments: talk.comments.slice(0, 1 + (cut % talk.comments.length)) };
        const read = reading(before, undefined) ?? undefined;
        expect(unread(before, read, 0, "me", NOW)).toBe(0);
        const later = talk.comments.slice(before.comments.length).filter(({ by, at }) => by.id !== "me" && at > NOW - UNREAD_FOR_MS);
        expect(unread(talk, read, NOW, "me", NOW)).toBe(later.length);
      }),
    );
  });

  it("goes by time where the comment that was read last is gone", () => {
    const talk = { id: "t", comments: [1, 2, 3].map((n) => ({ id: `c${n}`, at: NOW - 10 + n, by: { id: "a" } })) };
    expect(unread(talk, { id: "gone", at: NOW - 8 }, 0, "me", NOW)).toBe(1);
  });

  it("does not count what stood there before the first visit, nor one's own", () => {
    const talk = { id: "t", comments: [{ id: "1", at: NOW - 5, by: { id: "a" } }, { id: "2", at: NOW, by: { id: "me" } }] };
    expect(unread(talk, undefined, NOW - 1, "me", NOW)).toBe(0);
    expect(unread(talk, undefined, NOW - 6, "me", NOW)).toBe(1);
  });

  it("has nothing to keep when nothing is new", () => {
    fc.assert(
      fc.property(talks, (talk) => {
        const read = reading(talk, undefined) ?? undefined;
        expect(reading(talk, read)).toBeNull();
      }),
    );
  });
});

describe("filter", () => {
  const talk = fc.record({
    state: fc.constantFrom("open" as const, "resolved" as const),
    anchor: fc.string().map((exact) => ({ quote: { exact } })),
    comments: fc.array(fc.record({ by: ids.map((id) => ({ id, name: `Name ${id}` })), text: fc.string({ unit: "grapheme" }) }), { minLength: 1, maxLength: 4 }),
  });

  it("shows each discussion under its state and under all, once", () => {
    fc.assert(
      fc.property(talk, fc.nat(2), (one, count) => {
        const under = SHOWS.filter((show) => passes(one, { show, words: "" }, "me", count));
        expect(under).toContain("all");
        expect(under.includes("open")).toBe(!under.includes("resolved"));
        expect(under.includes("unread")).toBe(count > 0);
        expect(under.includes("mine")).toBe(one.comments.some(({ by }) => by.id === "me"));
      }),
    );
  });

  it("finds any word of what is read, in any case; more words never find more", () => {
    fc.assert(
      fc.property(talk, fc.nat(3), fc.string(), (one, at, more) => {
        const text = one.comments[at % one.comments.length]?.text ?? "";
        const word = parse(text).find(({ kind }) => kind === "text")?.text.split(/\s+/)[0] ?? "";
        expect(passes(one, { show: "all", words: word }, "me", 0)).toBe(true);
        if (passes(one, { show: "all", words: `${word} ${more}` }, "me", 0)) expect(passes(one, { show: "all", words: more }, "me", 0)).toBe(true);
      }),
    );
    const one = { state: "open" as const, anchor: { quote: { exact: "Café au lait" } }, comments: [{ by: { id: "a", name: "Zoë" }, text: "**Très** bon" }] };
    for (const words of ["cafe", "ZOE tres", "lait bon", ""]) expect(passes(one, { ...EVERYTHING, words }, "me", 0)).toBe(true);
    for (const words of ["tea", "cafe tea", "**"]) expect(passes(one, { ...EVERYTHING, words }, "me", 0)).toBe(false);
  });
});

describe("mentions", () => {
  const name = fc.string({ minLength: 1, maxLength: 20 }).map(label);
  const id = fc.string({ unit: "binary", minLength: 1, maxLength: 30 }).filter((text) => !/\p{Cs}/u.test(text));

  it("are read back as who they are, whatever name and id", () => {
    fc.assert(
      fc.property(name, id, (who, to) => {
        expect(parse(mention(who, to))).toMatchObject([{ kind: "mention", text: `@${label(who)}`, to }]);
      }),
    );
  });

  it("are of whoever was picked, whatever signs the name is made of", () => {
    fc.assert(fc.property(name, id, (who, to) => {
      expect(written(`@${who}`, new Map([[who, to]]))).toBe(mention(who, to));
    }));
    expect(written("@Jean-Luc O'Neil (x)", new Map([["Jean-Luc O'Neil (x)", "1"]]))).toBe("@[Jean-Luc O'Neil (x)](1)");
  });

  it("come back when what was sent is edited and sent again", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom("Ann", "Ann Lee", "Bo", "Zoë"), fc.constantFrom("1", "2", "3"), fc.constantFrom(" hello ", ", ", "\n"))), (said) => {
        const text = said.map(([who, to, rest]) => mention(who, to) + rest).join("");
        const names = new Map<string, string>();
        expect(written(readable(text, names), names)).toBe(text);
      }),
    );
  });

  it("are only of people who were picked, the longest name first", () => {
    const names = new Map([["Ann", "1"], ["Ann Lee", "2"]]);
    expect(written("@Ann Lee and @Ann, not @Annie, @Bo or x@Ann", names)).toBe("@[Ann Lee](2) and @[Ann](1), not @Annie, @Bo or x@Ann");
    expect(written("@Ann", new Map())).toBe("@Ann");
  });

  it.each([
    ["Hello @", { from: 6, query: "" }],
    ["Hello @An", { from: 6, query: "An" }],
    ["(@Ann Le", { from: 1, query: "Ann Le" }],
    ["ann@example", null],
    ["@Ann Lee went to the", null],
    ["no one", null],
  ])("are asked for in %j", (text, asked) => {
    expect(asking(text, text.length)).toEqual(asked);
  });

  it("take the place of what was typed", () => {
    expect(named("Hi @an there", 3, 6, "Ann")).toEqual({ text: "Hi @Ann there", caret: 8 });
    expect(named("@", 0, 1, "Bo")).toEqual({ text: "@Bo ", caret: 4 });
  });

  it("offer people by any word of their names, once", () => {
    const people = [{ id: "1", name: "Ann Lee" }, { id: "2", name: "Léa" }, { id: "1", name: "Ann Lee" }, { id: "3" }];
    expect(matching(people, "le", 8).map(({ id }) => id)).toEqual(["1", "2"]);
    expect(matching(people, "", 1)).toHaveLength(1);
  });
});

describe("arrivals", () => {
  const own = (id: string): boolean => id.startsWith("me");
  const self = (id: string): string => id;

  it("wait while a list is read; one's own do not", () => {
    const arrivals = new Arrivals();
    expect(arrivals.split([], self, own)).toEqual({ shown: [], waiting: 0 });
    expect(arrivals.split(["a"], self, own)).toEqual({ shown: ["a"], waiting: 0 });
    expect(arrivals.split(["b", "a", "me1"], self, own)).toEqual({ shown: ["a", "me1"], waiting: 1 });
    arrivals.reset();
    expect(arrivals.split(["b", "a", "me1"], self, own).waiting).toBe(0);
  });
});

describe("links", () => {
  it("lead back to what they were made for, and leave other fragments alone", () => {
    fc.assert(fc.property(fc.string({ minLength: 1 }), (id) => {
      expect(linked(new URL(linkTo("https://a.test/p?q#old", id)).hash)).toBe(id);
    }));
    for (const hash of ["", "#", "#parley", "#parley-", "#other", "#parley-%zz"]) expect(linked(hash)).toBeNull();
  });
});

describe("reactions", () => {
  it("count those who are named and those who are not", () => {
    expect(reactions({ "👍": ["me", "a", 3], "🎉": [] , "👀": ["b"] }, "me")).toEqual([
      { emoji: "👍", count: 5, mine: true, by: ["me", "a"] },
      { emoji: "👀", count: 1, mine: false, by: ["b"] },
    ]);
  });
});
