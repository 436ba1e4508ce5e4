/** What two readers and a second tab must see, one named check each. They run in this order and build on each other. */
import { strict as assert } from "node:assert";
import { isDeepStrictEqual } from "node:util";
import { added, counted, usage } from "./counting.mjs";
import { until } from "./reader.mjs";

const WORDS = "the most common and durable source of factions has been the various and unequal distribution of prop";
const TEXT = "Is property really the root of it, or only the most visible of many roots? I would like to hear more.";
const LATER = "Later that evening";

export const CHECKS = [
  ["presence: two readers in three tabs are counted as two", async ({ ann, annToo, bo }) => {
    for (const tab of [ann, annToo, bo]) {
      await tab.live();
      await tab.readers(2);
    }
  }],

  ["new-text-chat: seen by the other reader and by the own second tab", async ({ ann, annToo, bo }) => {
    await ann.discuss(WORDS, TEXT);
    await ann.kept(TEXT);
    for (const tab of [annToo, bo]) {
      await tab.list();
      await tab.card(TEXT).waitFor();
      await assertCount(tab, 1);
    }
  }],

  ["highlight: the discussed words are painted, the page's nodes are untouched", async ({ bo }) => {
    const painted = await bo.page.evaluate(() => [...(CSS.highlights.get("parley-open") ?? [])].map(String));
    assert.deepEqual(painted, [WORDS]);
    assert.equal(await bo.page.locator("#article p *").count(), 2); // the two <em> of the text
  }],

  ["tabs: the same reader's two share one socket", async ({ ann, annToo }) => {
    assert.deepEqual([annToo.sockets, ann.sockets], [1, 0]);
  }],

  ["echo: the sender receives its own event and shows it once", async ({ ann, annToo }) => {
    await until("the echo on the socket", () => annToo.received.some((frame) => isEvent(frame, "new-text-chat", TEXT)));
    assert.equal(await ann.comment(TEXT).count(), 1);
    await ann.list();
    assert.equal(await ann.card(TEXT).count(), 1);
    await assertCount(ann, 1);
    await ann.openThread(TEXT);
  }],

  ["bytes: one annotation of 100 + 100 characters is under 1,000 bytes on the socket", async ({ bo, measured }) => {
    const frame = bo.received.find((text) => isEvent(text, "new-text-chat", TEXT));
    const payload = Buffer.byteLength(frame, "utf8");
    measured.annotation = payload + (payload < 126 ? 2 : payload < 65_536 ? 4 : 10);
    assert.equal(WORDS.length, 100);
    assert.ok(TEXT.length >= 100);
    assert.ok(measured.annotation < 1_000, `${measured.annotation} bytes`);
  }],

  ["updated-text-chat: a reply", async ({ ann, annToo, bo }) => {
    await bo.openThread(TEXT);
    await bo.reply("Bo thinks it is only the most visible.");
    await ann.kept("Bo thinks it is only the most visible.");
    await annToo.openThread(TEXT);
    await annToo.kept("Bo thinks it is only the most visible.");
    assert.equal(await bo.comment("Bo thinks").count(), 1);
  }],

  ["updated-text-chat: an edit", async ({ ann, bo }) => {
    await bo.comment("Bo thinks").locator('[data-parley="edit"]').click();
    await bo.hook("edit-text").fill("Bo is now sure that it is only the most visible.");
    await bo.hook("save").click();
    await ann.kept("Bo is now sure");
    assert.equal(await ann.comment("Bo thinks").count(), 0);
  }],

  ["updated-text-chat: a removed comment", async ({ ann, bo }) => {
    await bo.reply("To be removed.");
    await ann.kept("To be removed.");
    await bo.comment("To be removed.").locator('[data-parley="remove"]').click();
    await bo.hook("confirm").click();
    await ann.comment("To be removed.").waitFor({ state: "detached" });
  }],

  ["updated-text-chat: resolve and reopen", async ({ ann, bo }) => {
    await ann.hook("resolve").click();
    await bo.page.locator('[data-parley="thread"][data-state="resolved"]').waitFor();
    await bo.hook("reopen").click();
    await ann.page.locator('[data-parley="thread"][data-state="open"]').waitFor();
  }],

  ["tenants: the other tenant sees nothing of this, on a page of the same name", async ({ stranger }) => {
    await stranger.live();
    await stranger.readers(1);
    await assertCount(stranger, 0);
    assert.ok(!stranger.received.some((frame) => frame.includes(TEXT)));
  }],

  ["usage: what the three tabs counted, frame by frame and byte by byte, is what the ledger says", async (stage) => {
    let theirs;
    let ours;
    await until("the ledger to say what the sockets said", async () => {
      ours = counted([stage.ann, stage.annToo, stage.bo]);
      theirs = added(stage.usageBefore, await usage(stage.base, "acme"));
      return isDeepStrictEqual(theirs, ours);
    }).catch(() => assert.deepEqual(theirs, ours));
    stage.measured.usage = ours;
  }],

  ["cut: existing discussions stay readable, and writing goes on", async ({ bo, cable }) => {
    cable.cut();
    await bo.state("offline");
    await bo.list();
    await bo.openThread(TEXT);
    assert.equal(await bo.comment(TEXT).count(), 1);
    await bo.reply("Written in the tunnel.");
    await bo.page.locator('[data-parley="comment"][data-delivery="unsent"]').filter({ hasText: "Written in the tunnel." }).waitFor();
  }],

  ["cut: what was missed arrives by itself, what was written goes out", async ({ ann, bo, cable }) => {
    await ann.reply("Said while Bo was away.");
    await ann.kept("Said while Bo was away.");
    await ann.discuss("Liberty is to faction what air is to fire", LATER);
    await ann.kept(LATER);
    cable.mend();
    await bo.live();
    await bo.kept("Said while Bo was away.");
    await bo.kept("Written in the tunnel.");
    await bo.list();
    await bo.card(LATER).waitFor();
    await ann.openThread(TEXT);
    await ann.kept("Written in the tunnel.");
    assert.equal(await ann.comment("Written in the tunnel.").count(), 1);
  }],

  ["rollback: a refused change is taken back, says why and keeps the text", async ({ ann, annToo, bo, bosBrowser, cable }) => {
    await bo.openThread(LATER);
    await bosBrowser.setOffline(true); // this time the device itself knows that it is offline
    cable.cut();
    await bo.state("offline");
    await bo.reply("An answer to something that will be gone.");
    await ann.openThread(LATER);
    await ann.hook("delete-chat").click();
    await ann.hook("confirm").click();
    await until("the deletion to be kept", () => annToo.received.some((frame) => isEvent(frame, "deleted-text-chat")));
    cable.mend();
    await bosBrowser.setOffline(false);
    const refused = bo.page.locator('[data-parley="refused"][data-code="unknown-chat"]');
    await refused.waitFor();
    assert.match(await refused.innerText(), /An answer to something that will be gone\./);
    await bo.hook("discard").click();
  }],

  ["deleted-text-chat: gone for everybody", async ({ ann, annToo, bo }) => {
    await ann.openThread(TEXT);
    await ann.hook("delete-chat").click();
    await ann.hook("confirm").click();
    for (const tab of [ann, annToo, bo]) await assertCount(tab, 0);
  }],

  ["presence: a reader who leaves is no longer counted", async ({ ann, bo }) => {
    await bo.page.close();
    await ann.readers(1);
  }],

  ["policy: works under a strict Content Security Policy with Trusted Types", async ({ guarded, violations }) => {
    await guarded.live();
    await guarded.discuss("No man is allowed to be a judge in his own cause", "Under guard.");
    await guarded.kept("Under guard.");
    await guarded.hook("delete-chat").click();
    await guarded.hook("confirm").click();
    await assertCount(guarded, 0);
    assert.deepEqual(violations, []);
  }],

  ["quiet: no tab raised an error", async ({ ann, annToo, bo, stranger, guarded }) => {
    for (const tab of [ann, annToo, bo, stranger, guarded]) assert.deepEqual(tab.complaints, []);
  }],
];

async function assertCount(tab, count) {
  await tab.page.locator(`[data-parley="discussions"][data-count="${count}"]`).waitFor();
}

function isEvent(frame, event, text = "") {
  return frame.includes('"t":"live"') && frame.includes(`"${event}"`) && frame.includes(text);
}
