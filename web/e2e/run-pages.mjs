/**
 * Each state of the component page in a real Chromium, light and dark, from the left and from the right: judged by axe-core,
 * by what can be measured of its looks, and by its keyboard.
 *
 *   CHROME  the browser's path; default: one on the PATH, else npm's packaged one
 *   ONLY    a part of the names of the states; default: all
 *   SHOTS   a folder for pictures of every state; default: none
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";
import { serve } from "../pages/serve.mjs";
import { findChromium } from "./chromium.mjs";
import { KEYBOARD_CHECKS } from "./keyboard.mjs";
import { looks } from "./looks.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
/** WCAG 2.2, A and AA, and what axe calls best practice for parts of a page. */
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
const WAYS = [
  { theme: "light", lang: "en" },
  { theme: "dark", lang: "en" },
  { theme: "light", lang: "ar" },
  { theme: "dark", lang: "ar" },
];
const DESK = { width: 1280, height: 800 };
const TABLET = { width: 760, height: 900 };
const PHONE = { width: 390, height: 780 };

const only = process.env.ONLY ?? "";
const found = await findChromium().catch((error) => {
  console.error(error.message);
  process.exit(2);
});
const pages = await serve();
const browser = await chromium.launch({ executablePath: found.path, args: [...found.args, "--no-sandbox"] });
const failures = [];
let looked = 0;

async function tab(viewport, axe = false) {
  const context = await browser.newContext({ viewport, reducedMotion: "reduce" });
  if (axe) await context.addInitScript({ content: AXE });
  context.setDefaultTimeout(10_000);
  const page = await context.newPage();
  page.on("pageerror", (error) => failures.push(`${page.url()}: ${error.message}`));
  return page;
}

async function open(page, state, { theme, lang }) {
  await page.goto(`${pages.address}?${new URLSearchParams({ state, theme, lang })}`);
  await page.locator("html[data-ready]").waitFor({ state: "attached" });
}

async function judge(page, state, way, size, axe) {
  const where = `${state}, ${way.theme}, ${way.lang}, ${size}`;
  try {
    await open(page, state, way);
  } catch (error) {
    failures.push(`${where}: ${error.message.split("\n")[0]}`);
    return;
  }
  looked += 1;
  for (const wrong of await page.evaluate(looks)) failures.push(`${where}: ${wrong}`);
  if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/${state}-${way.theme}-${way.lang}-${size}.png` });
  if (!axe) return;
  const violations = await page.evaluate(async (tags) => {
    const { violations } = await window.axe.run({ include: ["parley-widget"] }, { runOnly: tags, resultTypes: ["violations"] });
    return violations.map(({ id, help, nodes }) => `axe ${id}: ${help}: ${nodes[0].target.flat().join(" ")} ${nodes[0].failureSummary?.split("\n")[1] ?? ""}`);
  }, TAGS);
  for (const violation of violations) failures.push(`${where}: ${violation}`);
}

try {
  const page = await tab(DESK);
  await page.goto(pages.address);
  const states = (await page.evaluate(() => window.stateNames)).filter((name) => name.includes(only));
  await page.context().close();
  await Promise.all([
    ...WAYS.map(async (way) => {
      const desk = await tab(DESK, true);
      for (const state of states) await judge(desk, state, way, "desk", true);
      await desk.context().close();
    }),
    (async () => {
      const phone = await tab(PHONE);
      for (const state of states) for (const way of [WAYS[0], WAYS[3]]) await judge(phone, state, way, "phone", false);
      // The longest words of all languages, in the narrowest room.
      for (const lang of ["de", "ru", "es", "fr", "ja"]) {
        for (const state of ["list", "thread-of-mine", "offline", "new-discussion"].filter((name) => name.includes(only))) await judge(phone, state, { theme: "light", lang }, "phone", false);
      }
      await phone.context().close();
      const tablet = await tab(TABLET);
      for (const state of ["list", "thread-of-mine", "new-discussion"].filter((name) => name.includes(only))) for (const way of [WAYS[0], WAYS[3]]) await judge(tablet, state, way, "tablet", false);
      await tablet.context().close();
    })(),
  ]);
  for (const [name, check] of only ? [] : KEYBOARD_CHECKS) {
    try {
      await check({ tab: () => tab(DESK), open });
      console.log(`ok    ${name}`);
    } catch (error) {
      failures.push(`${name}: ${error.message}`);
    }
  }
  for (const failure of failures) console.log(`FAIL  ${failure}`);
  console.log(`${looked} looks at ${states.length} states, ${failures.length} failures.`);
} finally {
  await browser.close();
  await pages.close();
}
process.exit(failures.length === 0 ? 0 : 1);
