/** What a reader without a mouse, with other eyes or with other wishes of their system gets. */
import assert from "node:assert/strict";
import { focused, tabbable } from "./looks.mjs";

const LIGHT = { theme: "light", lang: "en" };

/** Tabs through everything from the top; the stops that are in the widget. */
async function stops(page) {
  const count = await page.evaluate(tabbable);
  const passed = [];
  for (let press = 0; press < count + 4; press += 1) {
    await page.keyboard.press("Tab");
    const stop = await page.evaluate(focused);
    if (stop !== null && !passed.some(({ number }) => number === stop.number)) passed.push(stop);
  }
  return { count, passed };
}

const announced = (page) => page.evaluate(() => stage.root.querySelectorAll('[aria-live], [role="status"], [role="log"], [role="alert"]').length);

async function later(page, change) {
  await page.evaluate(change);
  await page.evaluate(() => stage.drawn());
}

export const KEYBOARD_CHECKS = [
  ...["list", "thread-of-mine", "editing", "discussion-deleted", "over-quota", "new-discussion"].map((state) => [
    `the keyboard reaches everything in "${state}", and sees where it is`,
    async ({ tab, open }) => {
      const page = await tab();
      await open(page, state, LIGHT);
      await page.evaluate(() => document.body.focus());
      const { count, passed } = await stops(page);
      assert.equal(passed.length, count, `${passed.length} of ${count} controls: ${passed.map(({ hook }) => hook)}`);
      for (const { name, ring, seen } of passed) {
        assert.ok(ring, `no ring around ${name}`);
        assert.ok(seen, `${name} is hidden when it has the focus`);
      }
      await page.context().close();
    },
  ]),
  [
    "a reply box keeps the focus and its words while others write, resolve and edit",
    async ({ tab, open }) => {
      const page = await tab();
      await open(page, "thread", LIGHT);
      await page.locator('[data-parley="reply"]').focus();
      await page.keyboard.type("half a thou");
      await later(page, () => {
        const change = (seq, more) => ({ event: "updated-text-chat", seq, broadcastId: `b${seq}`, chat: { id: "chat-0", seq, ...more } });
        const comment = { id: "r9", by: { id: "u3", name: "Tom" }, at: stage.ago(0), text: "Another thing" };
        stage.receive({ t: "live", page: "https://acme.test/post/7", epoch: "e1", after: 50, seq: 52, events: [change(51, { comment }), change(52, { state: "resolved" })] });
      });
      await page.locator('[data-parley="reopen"]').waitFor();
      await page.keyboard.type("ght");
      assert.equal((await page.evaluate(focused))?.hook, "reply");
      assert.equal(await page.locator('[data-parley="reply"]').inputValue(), "half a thought");
      await page.context().close();
    },
  ],
  [
    "when the discussion that is read is deleted elsewhere, the focus is in the panel, not nowhere",
    async ({ tab, open }) => {
      const page = await tab();
      await open(page, "thread", LIGHT);
      await page.locator('[data-parley="reply"]').focus();
      await later(page, () => {
        const event = { event: "deleted-text-chat", seq: 51, broadcastId: "b51", chat: { id: "chat-0" } };
        stage.receive({ t: "live", page: "https://acme.test/post/7", epoch: "e1", after: 50, seq: 51, events: [event] });
      });
      assert.notEqual(await page.evaluate(focused), null);
      await page.context().close();
    },
  ],
  [
    "whoever opens the panel is in it at once, before it is painted",
    async ({ tab, open }) => {
      const page = await tab();
      await open(page, "closed", LIGHT);
      const inside = await page.evaluate(async () => {
        const painted = new Promise((resolve) => requestAnimationFrame(() => resolve("only after a paint")));
        const drawn = new Promise((resolve) => {
          new MutationObserver(() => {
            const panel = stage.root.querySelector('[data-parley="panel"]');
            if (panel !== null) resolve(panel.contains(stage.root.activeElement));
          }).observe(stage.root, { childList: true, subtree: true });
        });
        const button = stage.root.querySelector('[data-parley="discussions"]');
        button.focus();
        button.click();
        return Promise.race([drawn, painted]);
      });
      assert.equal(inside, true);
      await page.context().close();
    },
  ],
  [
    "Escape closes the panel and gives the focus back",
    async ({ tab, open }) => {
      const page = await tab();
      await open(page, "closed", LIGHT);
      await page.keyboard.press("Tab");
      assert.equal((await page.evaluate(focused))?.hook, "discussions");
      await page.keyboard.press("Enter");
      await page.locator('[data-parley="panel"]').waitFor();
      await page.keyboard.press("Escape");
      await page.locator('[data-parley="panel"]').waitFor({ state: "detached" });
      assert.equal((await page.evaluate(focused))?.hook, "discussions");
      await page.context().close();
    },
  ],
  [
    "live regions are few",
    async ({ tab, open }) => {
      const page = await tab();
      for (const state of ["closed", "list", "thread", "offline", "over-quota"]) {
        await open(page, state, LIGHT);
        assert.ok((await announced(page)) <= 4, `${state}: ${await announced(page)} live regions`);
      }
      await page.context().close();
    },
  ],
  [
    "less motion, more contrast, the system's own colours, the system's own darkness, and paper",
    async ({ tab, open }) => {
      const page = await tab();
      await open(page, "thread", LIGHT);
      const style = (name, selector = ".panel") => page.evaluate(([name, selector]) => getComputedStyle(stage.root.querySelector(selector))[name], [name, selector]);
      assert.ok(parseFloat(await style("animationDuration")) <= 0.001);
      await page.emulateMedia({ contrast: "more" });
      assert.equal(await style("borderInlineStartColor"), await style("color"));
      await page.emulateMedia({ contrast: null, forcedColors: "active" });
      assert.equal(await style("borderTopStyle", "textarea"), "solid");
      await page.emulateMedia({ forcedColors: null, media: "print" });
      assert.equal(await page.locator('[data-parley="panel"]').isVisible(), false);
      await page.emulateMedia({ media: null, colorScheme: "dark" });
      const asked = await style("backgroundColor");
      await page.evaluate(() => document.querySelector("parley-widget").removeAttribute("data-theme"));
      assert.notEqual(await style("backgroundColor"), asked);
      await page.context().close();
    },
  ],
];
