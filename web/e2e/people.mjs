/** What people do together in a real Chromium, with a mouse, with keys, on a phone; and what nobody far away may disturb. */
import { strict as assert } from "node:assert";
import { until } from "./reader.mjs";

const WORDS = "Liberty is to faction what air is to fire";
const OTHER = "No man is allowed to be a judge in his own cause";

export const PEOPLE_CHECKS = [
  ["people: a change from afar takes neither focus nor caret nor scroll nor draft", async ({ open }) => {
    const [ann, bo] = [await open("Ann"), await open("Bo")];
    await ann.discuss(WORDS, "Why so?");
    await ann.kept("Why so?");
    await ann.hook("reply").fill("A thought that takes its time");
    await ann.hook("reply").evaluate((box) => box.setSelectionRange(10, 14));
    const now = () => ann.page.evaluate(() => {
      const { activeElement: box } = document.querySelector("parley-widget").shadowRoot;
      return [box?.dataset.parley, box?.value, box?.selectionStart, box?.selectionEnd, scrollY];
    });
    const before = await now();
    await bo.openThread("Why so?");
    await bo.reply("An answer from afar");
    await ann.kept("An answer from afar");
    assert.deepEqual(await now(), before);
    await bo.hook("resolve").click();
    await ann.page.locator('[data-parley="thread"][data-state="resolved"]').waitFor();
    assert.deepEqual(await now(), before);
    await bo.discuss(OTHER, "Another one");
    await ann.page.locator('[data-parley="discussions"][data-count="2"]').waitFor();
    assert.deepEqual(await now(), before);
  }],

  ["people: who writes in a discussion keeps text and focus when it is deleted elsewhere", async ({ open }) => {
    const first = await open("Ann");
    await first.discuss(WORDS, "To be deleted");
    await first.kept("To be deleted");
    const second = await open("Ann", { context: first.context });
    await second.live();
    await second.openThread("To be deleted");
    await second.hook("reply").fill("Half a sentence");
    await first.hook("delete-chat").click();
    await first.hook("confirm").click();
    await second.page.locator('[data-parley="notice"][data-code="unknown-chat"]').waitFor();
    assert.equal(await second.hook("reply").inputValue(), "Half a sentence");
    assert.equal(await second.page.evaluate(() => document.querySelector("parley-widget").shadowRoot.activeElement?.dataset.parley), "reply");
  }],

  ["people: a deletion can be taken back and is then never sent", async ({ open }) => {
    const ann = await open("Ann");
    await ann.discuss(WORDS, "Nearly gone");
    await ann.kept("Nearly gone");
    await ann.hook("delete-chat").click();
    await ann.page.locator('[data-parley="discussions"][data-count="0"]').waitFor();
    await ann.hook("undo").click();
    await ann.page.locator('[data-parley="discussions"][data-count="1"]').waitFor();
    assert.ok(!ann.sent.some((frame) => frame.includes("delete-chat")));
  }],

  ["people: markup, mentions and reactions", async ({ open }) => {
    const [ann, bo] = [await open("Ann"), await open("Bo")];
    await ann.select(WORDS);
    await ann.hook("discuss").click();
    await ann.hook("composer").fill("**Strong** `code` https://a.test/x. javascript:alert(1)");
    await ann.hook("send").click();
    await ann.kept("Strong");
    const text = ann.comment("Strong").locator(".text");
    await text.locator("strong").waitFor();
    assert.equal(await text.innerText(), "Strong code https://a.test/x. javascript:alert(1)");
    assert.deepEqual(await text.locator("a").evaluateAll((links) => links.map(({ href, rel }) => [href, rel])), [["https://a.test/x", "nofollow ugc noopener noreferrer"]]);
    await bo.openThread("Strong");
    await bo.hook("reply").pressSequentially("Hello @An");
    await bo.hook("mention").first().waitFor();
    await bo.page.keyboard.press("Enter");
    await bo.hook("send").click();
    await ann.page.locator(".mention.me").waitFor();
    assert.ok(bo.sent.some((frame) => /@\[Ann[^\]]*\]\(/.test(frame)));
    await ann.comment("Hello").locator('[data-parley="react"]').click();
    await ann.hook("reactions").locator("button").first().waitFor();
    await ann.page.keyboard.press("ArrowRight");
    await ann.page.keyboard.press("Enter");
    const given = bo.comment("Hello").locator('[data-parley="reaction"]');
    await given.waitFor();
    assert.match(await given.innerText(), /❤️ 1/);
    await given.click();
    await until("two of them", async () => /2/.test(await ann.comment("Hello").locator('[data-parley="reaction"]').innerText()));
  }],

  ["people: what is new is counted, waits in the list, and is read when it is seen; a link leads to it", async ({ open }) => {
    const [ann, bo] = [await open("Ann"), await open("Bo")];
    await ann.discuss(WORDS, "First");
    await ann.kept("First");
    await ann.list();
    await ann.card("First").waitFor();
    await bo.discuss(OTHER, "Second");
    await ann.hook("new-discussions").waitFor();
    assert.equal(await ann.card("Second").count(), 0);
    await ann.page.locator('[data-parley="topbar"] [data-parley="unread"][data-count="1"]').waitFor();
    await ann.hook("new-discussions").click();
    const id = await ann.card("Second").getAttribute("data-id");
    await ann.hook("close").click();
    await ann.page.evaluate((fragment) => (location.hash = fragment), `parley-${id}`);
    await ann.page.locator(`[data-parley="thread"][data-id="${id}"]`).waitFor();
    await ann.page.locator('[data-parley="topbar"] [data-parley="unread"]').waitFor({ state: "detached" });
    assert.ok(await ann.page.evaluate(() => [...CSS.highlights.get("parley-active")][0].getBoundingClientRect().top < innerHeight));
    await ann.page.reload();
    await ann.page.locator(`[data-parley="thread"][data-id="${id}"]`).waitFor();
    await ann.hook("mark").first().waitFor({ state: "attached" });
  }],

  ["people: a paragraph is discussed by key, without a selection", async ({ open }) => {
    const ann = await open("Ann");
    await ann.live();
    await ann.hook("people").or(ann.hook("discussions")).first().waitFor();
    await until("the paragraph's box", async () => {
      await ann.page.keyboard.press("Control+Alt+M");
      return ann.hook("composer").isVisible();
    });
    await ann.hook("composer").fill("By key");
    await ann.page.keyboard.press("Control+Enter");
    await ann.kept("By key");
  }],

  ["people: on a phone the panel fills the window and keeps the focus; the page behind is where it was", async ({ open }) => {
    const ann = await open("Ann");
    await ann.page.setViewportSize({ width: 390, height: 780 });
    await ann.discuss(WORDS, "From a phone");
    const box = await ann.hook("panel").boundingBox();
    assert.deepEqual([box.x, box.y, box.width, box.height], [0, 0, 390, 780]);
    for (let turn = 0; turn < 20; turn += 1) await ann.page.keyboard.press("Tab");
    assert.ok(await ann.page.evaluate(() => document.activeElement.localName === "parley-widget"));
    await ann.page.setViewportSize({ width: 760, height: 780 });
    await ann.page.locator('[data-parley="panel"][data-layout="popover"]').waitFor();
  }],
];
