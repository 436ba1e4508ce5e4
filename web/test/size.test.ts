import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { expect, it } from "vitest";

/** What a reader downloads on a first visit, gzipped, at most: 35 kB. */
const MOST = 35 * 1024;

it.each(["script", "module"])("the whole widget as a %s is at most 35 kB gzipped", async (entry) => {
  const folder = await mkdtemp(join(tmpdir(), "parley-size-"));
  try {
    const out = join(folder, "out.js");
    await promisify(execFile)("node_modules/.bin/esbuild", [
      `src/embed/${entry}.ts`, "--bundle", "--minify", "--jsx=automatic", "--jsx-import-source=preact",
      "--target=es2022", "--charset=utf8", `--format=${entry === "script" ? "iife" : "esm"}`, `--outfile=${out}`,
    ]);
    const text = await readFile(out);
    expect(gzipSync(text, { level: 9 }).length).toBeLessThanOrEqual(MOST);
    // No string ever becomes HTML: `innerHTML` may be read by nobody and written by nobody but preact's opt-in.
    expect(text.toString()).not.toMatch(/insertAdjacentHTML|outerHTML|document\.write|new Function|\beval\(/);
  } finally {
    await rm(folder, { recursive: true });
  }
});
