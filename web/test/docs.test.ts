import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { written } from "../options-table.mjs";

it("docs/widget.md says what the types say: `npm run docs` writes its tables", async () => {
  const page = readFileSync("../docs/widget.md", "utf8");
  expect(page).toBe(await written());
  for (const name of ["getToken", "data-token-url", "parley:chat-created"]) expect(page).toContain(`\`${name}\``);
});
