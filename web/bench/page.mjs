/**
 * What the widget costs on a page of 900,000 characters with 1,000 discussions, in a real Chromium: the whole widget, its
 * socket answered from here. `--gate`: a tenth of both, and only the ratios count, which hold on any machine, however busy.
 * Answers 1 when a bar is missed.
 */
import { createServer } from "node:http";
import { chromium } from "../e2e/node_modules/playwright-core/index.mjs";
import { findChromium } from "../e2e/chromium.mjs";
import { bundled } from "./page/bundled.mjs";
import { measure } from "./page/measure.mjs";

const gate = process.argv.includes("--gate");
const size = gate ? { characters: 90_000, chats: 100, open: 50 } : { characters: 900_000, chats: 1_000, open: 500 };
const { script, page: html, chats } = await bundled(size);
const server = createServer((request, response) => {
  const [type, body] = request.url === "/bench.js" ? ["text/javascript", script] : ["text/html", html];
  response.writeHead(200, { "content-type": `${type}; charset=utf-8` }).end(body);
}).listen(0, "127.0.0.1");
await new Promise((resolve) => server.once("listening", resolve));
const found = await findChromium();
const browser = await chromium.launch({ executablePath: found.path, args: [...found.args, "--no-sandbox"] });
let missed = 0;
try {
  const figures = await measure(browser, `http://127.0.0.1:${server.address().port}/`, chats, size);
  for (const { name, value, unit, bar, ratio } of figures) {
    const holds = bar === undefined ? "" : value <= bar ? "holds" : "MISSED";
    if (holds === "MISSED" && (!gate || ratio)) missed += 1;
    console.log(`${name.padEnd(64)} ${value.toFixed(2).padStart(9)} ${unit}${bar === undefined ? "" : `  bar ${bar}  ${holds}`}`);
  }
} finally {
  await browser.close();
  server.close();
}
process.exit(missed === 0 ? 0 : 1);
