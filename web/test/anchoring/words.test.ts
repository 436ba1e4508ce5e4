import { assert, constantFrom, integer, property, string, tuple } from "fast-check";
import { expect, it } from "vitest";
import { BUCKETS, WordIndex } from "../../src/anchoring/words";

function said(index: WordIndex): unknown {
  const words = Array.from({ length: index.size }, (_, word) => [index.start(word), index.bucket(word)]);
  const places = Array.from({ length: BUCKETS }, (_, bucket) => [...index.places(bucket)]).map((list, bucket) => [bucket, list, index.share(bucket)] as const);
  return [words, places.filter(([, list]) => list.length > 0)];
}

function read(text: string, pause = false): WordIndex {
  const index = new WordIndex(text);
  while (!index.read(() => pause));
  return index;
}

it("after a change says what a new index of the text says, with and without places", () => {
  assert(
    property(letters(), letters(), tuple(integer({ min: 0, max: 60 }), integer({ min: 0, max: 60 })), integer({ min: 0, max: 1 }), (before, put, [a, b], posted) => {
      const [from, until] = [Math.min(a, b, before.length), Math.min(Math.max(a, b), before.length)];
      const index = read(before);
      if (posted === 1) index.places(0);
      const text = before.slice(0, from) + put + before.slice(until);
      expect(said(index.changed(text, from, until))).toEqual(said(read(text)));
    }),
    { numRuns: 300 },
  );
});

it("says the same when it was made to pause", () => {
  const text = "The quick brown fox, 日本語 and café. ".repeat(1_000);
  expect(said(read(text, true))).toEqual(said(read(text)));
});

/** Letters, spaces, a script without spaces: what makes the borders of words. */
function letters(): ReturnType<typeof string> {
  return string({ unit: constantFrom(..."ab  c.日本é"), maxLength: 60 });
}
