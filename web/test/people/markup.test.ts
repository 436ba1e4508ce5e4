import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Piece, parse, plainText } from "../../src/people/markup";

/** Text that is full of what might be a marker. */
const tricky = fc
  .array(
    fc.oneof(
      fc.constantFrom("*", "**", "_", "`", "```", "\n", " ", "@[", "](", ")", "[", "http://", "https://a.test/", "mailto:", "javascript:", "JaVaScRiPt:", "data:", "."),
      fc.constantFrom("(b)", "<b>", "&lt;", "%zz", "é", "語", "。", "😀", "\u202e", "\ud800", "\t", "a1_b"),
      fc.string({ unit: "binary", maxLength: 5 }),
    ),
    { maxLength: 40 },
  )
  .map((parts) => parts.join(""));

function each(pieces: readonly Piece[]): Piece[] {
  return pieces.flatMap((piece) => [piece, ...each(piece.parts ?? [])]);
}

const MARKERS: Record<Piece["kind"], RegExp> = {
  text: /^$/,
  link: /^$/,
  strong: /^\*\*\*\*$/,
  em: /^(\*\*|__)$/,
  code: /^``$/,
  block: /^```\n?\n?```$/,
  mention: /^\[\]\([^()\s]+\)$/,
};

/** What of the source is not read: the piece's own markers. */
function markers({ kind, source, text, parts }: Piece): string {
  const read = parts === undefined ? text : parts.map((part) => part.source).join("");
  // The @ of a mention is read, but a marker follows it.
  const [rest, own] = kind === "mention" ? [source.slice(1), read.slice(1)] : [source, read];
  const at = rest.indexOf(own);
  expect(at).toBeGreaterThanOrEqual(0);
  return rest.slice(0, at) + rest.slice(at + own.length);
}

describe("a comment's markup", () => {
  it("knows strong, emphasis, code, fences, addresses and mentions", () => {
    const kinds = (text: string): unknown => parse(text).map(({ kind, text, to, parts }) => [kind, parts?.map(({ text }) => text).join("") ?? text, ...(to === undefined ? [] : [to])]);
    expect(kinds("a **b c** d")).toEqual([["text", "a "], ["strong", "b c"], ["text", " d"]]);
    expect(kinds("*a* _b_")).toEqual([["em", "a"], ["text", " "], ["em", "b"]]);
    expect(kinds("`x*y*` ```\nlet a;\nlet b;\n```")).toEqual([["code", "x*y*"], ["text", " "], ["block", "let a;\nlet b;"]]);
    expect(kinds("@[Ann Lee](u%201) yes")).toEqual([["mention", "@Ann Lee", "u 1"], ["text", " yes"]]);
    expect(plainText("**a _b_** `c` @[D](e)")).toBe("a b c @D");
  });

  it.each(["2*3*4", "snake_case_name", "* item\n* item", "**", "a ** b ** c", "*over\nlines*", "`", "@[Ann]", "javascript:alert(1)", "xhttp://a.test"])("leaves %j alone", (text) => {
    expect(parse(text)).toEqual([{ kind: "text", source: text, text }]);
  });

  it.each([
    ["See https://a.test/b.", "https://a.test/b"],
    ["(https://a.test/wiki/Go_(game))", "https://a.test/wiki/Go_(game)"],
    ["<https://a.test/?q=1&r=2#c>", "https://a.test/?q=1&r=2#c"],
    ["見てhttps://a.test/語。次", undefined],
    ["見て https://a.test/語。次", "https://a.test/語"],
    ["**https://a.test**", "https://a.test"],
    ["mailto:ann@a.test, please", "mailto:ann@a.test"],
  ])("finds the address in %j", (text, address) => {
    expect(each(parse(text)).find(({ kind }) => kind === "link")?.to).toBe(address);
  });

  it("loses no character but markers, whatever is written", () => {
    fc.assert(
      fc.property(tricky, (text) => {
        const pieces = parse(text);
        expect(pieces.map(({ source }) => source).join("")).toBe(text);
        for (const piece of each(pieces)) expect(markers(piece)).toMatch(MARKERS[piece.kind]);
      }),
      // An @ in code is no mention's.
      { numRuns: 2_000, examples: [["`@[`"], ["```@a```"]] },
    );
  });

  it("makes no link with another scheme, whatever is written", () => {
    fc.assert(
      fc.property(tricky, (text) => {
        for (const { kind, to = "" } of each(parse(text))) {
          if (kind !== "link") continue;
          expect(to).toMatch(/^(https?:\/\/|mailto:)/i);
          if (URL.canParse(to)) expect(["http:", "https:", "mailto:"]).toContain(new URL(to).protocol);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it.each(["*a ", "**", "`a", "```", "_", "http://.", "(", "@[a](", "https://a((", "*_"])("reads the longest comment of %j in time", (part) => {
    const began = process.cpuUsage().user;
    parse(part.repeat(Math.floor(16_384 / part.length)));
    expect(process.cpuUsage().user - began).toBeLessThan(400_000); // microseconds of this process
  });
});
