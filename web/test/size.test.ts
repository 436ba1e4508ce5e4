import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { gzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { INTERNAL, bundle, widgetParts } from "../bundle.mjs";

/** What a reader downloads to read and write discussions, gzipped, at most: 35 kB. */
const MOST = 35 * 1024;
/**
 * Parts that everybody needs who opens a discussion count as if they were in the first file, each with its own gzip.
 * What else there is as a part must be of use without being needed.
 */
const NEEDED = /^src\/view\/(panel|composer|thread|comment)\b/;
/** A language or a part that few readers use, gzipped, at most. */
const MOST_OF_A_PART = 6 * 1024;

/** Building takes its time on a busy machine. */
const SLOW_MS = 180_000;

const gzipped = (text: string): number => gzipSync(text, { level: 9 }).length;

it.each([
  ["script", "iife"],
  ["module", "esm"],
] as const)("the whole widget as a %s is at most 35 kB gzipped, with all that reading and writing needs", async (entry, format) => {
  const text = await bundle(`src/embed/${entry}.ts`, format);
  const needed = (await widgetParts()).filter(({ source }) => NEEDED.test(source));
  const sizes = [gzipped(text), ...needed.map(({ code }) => gzipped(code))];
  expect(sizes.reduce((sum, size) => sum + size), sizes.join(" + ")).toBeLessThanOrEqual(MOST);
  // No string ever becomes HTML: `innerHTML` may be read by nobody and written by nobody but preact's opt-in.
  expect(text).not.toMatch(/insertAdjacentHTML|outerHTML|document\.write|new Function|\beval\(/);
}, SLOW_MS);

it("parts that few readers use are small, say what they are by name and digest, and write no HTML", async () => {
  for (const { source, path, code, integrity } of await widgetParts()) {
    if (!NEEDED.test(source)) expect([source, gzipped(code) <= MOST_OF_A_PART]).toEqual([source, true]);
    expect(path).toMatch(/^parley\/[\w-]+-\w{16}\.mjs$/);
    expect(integrity).toBe(`sha256-${createHash("sha256").update(code).digest("base64")}`);
    expect(code).not.toMatch(/innerHTML|insertAdjacentHTML|outerHTML|document\.write|new Function|\beval\(/);
  }
}, SLOW_MS);

it("only names of our own are shortened", () => {
  const { resolve } = createRequire(import.meta.url);
  const seenByOthers = [
    ...["wire/frames", "connection/tabs", "connection/vault", "connection/claims", "embed/options", "embed/tag", "host/vault"].map((name) => `src/${name}.ts`),
    ...["preact", "preact/hooks", "preact/jsx-runtime"].map((name) => resolve(name)),
  ];
  for (const path of seenByOthers) {
    // What goes between tabs are messages; the interface around them is our own.
    const text = (readFileSync(path, "utf8").split("export type TabMessage").at(-1) ?? "").replace(/\/\*[^]*?\*\/|\/\/.*/g, "");
    for (const name of INTERNAL) expect([path, name, new RegExp(`[.{,"]\\s*${name}\\b|readonly ${name}\\b`).test(text)]).toEqual([path, name, false]);
  }
});
