import { gzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { bundle } from "../bundle.mjs";

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
