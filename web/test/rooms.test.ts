import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

/** What each folder may import, besides itself. */
const ALLOWED: Record<string, readonly string[]> = {
  wire: [],
  connection: ["wire"],
  anchoring: ["wire"],
  host: ["connection"],
  people: ["wire"],
  view: ["wire", "connection", "anchoring", "people", "locale", "preact", "preact/hooks", "preact/jsx-runtime"],
  embed: ["wire", "connection", "host", "view"],
};
/** The connection core lives without a page; anchoring knows only nodes and ranges that it is given. */
const NO_PAGE = /\b(document|window|navigator|localStorage|setTimeout|setInterval|Date\.now|Math\.random|WebSocket)\b(?=[.(\s])/;

describe.each(Object.entries(ALLOWED))("src/%s", (folder, allowed) => {
  const files = readdirSync(join("src", folder)).map((name) => [name, readFileSync(join("src", folder, name), "utf8")] as const);

  it.each(files)("%s imports only what its folder may", (_, text) => {
    const code = text.replace(/\/\*[\s\S]*?\*\//g, "");
    for (const [, from] of code.matchAll(/from "([^"]+)"/g)) {
      const target = from?.startsWith("./") === true ? folder : (from ?? "").replace(/^\.\.\/([^/]+)\/.*/, "$1");
      expect([folder, ...allowed]).toContain(target);
    }
  });

  it.each(files)("%s writes no HTML and stays under 400 lines", (_, text) => {
    expect(text).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|dangerouslySetInnerHTML|setAttribute\("style"/);
    expect(text.split("\n").length).toBeLessThanOrEqual(400);
  });

  if (["connection", "wire", "people"].includes(folder)) {
    it.each(files)("%s needs no page, no clock and no dice of its own", (_, text) => {
      const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/.*|"[^"]*"|`[^`]*`/g, "");
      expect(code).not.toMatch(NO_PAGE);
    });
  }
});
