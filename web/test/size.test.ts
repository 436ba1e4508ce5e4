import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { gzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { INTERNAL, bundle } from "../bundle.mjs";

/** What a reader downloads on a first visit, gzipped, at most: 35 kB. */
const MOST = 35 * 1024;

it.each([
  ["script", "iife"],
  ["module", "esm"],
] as const)("the whole widget as a %s is at most 35 kB gzipped", async (entry, format) => {
  const text = await bundle(`src/embed/${entry}.ts`, format);
  expect(gzipSync(text, { level: 9 }).length).toBeLessThanOrEqual(MOST);
  // No string ever becomes HTML: `innerHTML` may be read by nobody and written by nobody but preact's opt-in.
  expect(text).not.toMatch(/insertAdjacentHTML|outerHTML|document\.write|new Function|\beval\(/);
});

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
