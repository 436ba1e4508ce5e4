/** What becomes of a connection in a real Chromium: blocked, throttled, frozen, put away, killed; and of what is written meanwhile. */
import { strict as assert } from "node:assert";
import { until } from "./reader.mjs";

const WORDS = "Liberty is to faction what air is to fire";
const DAY_MS = 86_400_000;

/** Each check gets readers of its own: `open(name, options)`, and the cable between them and the server. */
export const CONNECTION_CHECKS = [
  ["tabs: a second tab takes over within three seconds when the first one freezes", async ({ open }) => {
    const first = await open("Fay");
    await first.live();
    const second = await open("Fay", { context: first.context });
    await second.live();
    assert.deepEqual([first.sockets, second.sockets], [1, 0]);
    const began = performance.now();
    await first.freeze();
    await until("a socket of its own", () => second.sockets === 1, 3_000);
    await second.live();
    const took = performance.now() - began;
    await first.thaw();
    await first.live();
    await second.live();
    await second.readers(1);
    return `${Math.round(took)} ms`;
  }],

  ["tabs: a second tab goes on when the first one crashes, and nothing written is lost", async ({ open }) => {
    const first = await open("Gil");
    await first.live();
    const second = await open("Gil", { context: first.context });
    await second.live();
    await first.crash();
    await second.discuss(WORDS, "After the crash.");
    await second.kept("After the crash.");
    assert.equal(second.sockets, 1);
  }],

  ["tabs: two readers in one browser never share", async ({ open }) => {
    const first = await open("Hal");
    const second = await open("Ivy", { context: first.context });
    await first.live();
    await second.live();
    await second.readers(2);
    assert.deepEqual([first.sockets, second.sockets], [1, 1]);
  }],

  ["fallback: event streams where WebSockets are blocked, then long questions where streams are held back", async ({ open }) => {
    const free = await open("Jo");
    await free.live();
    for (const held of [false, true]) {
      const blocked = await open(held ? "Kim" : "Leo", { noSocket: true, holdStreams: held });
      await blocked.live();
      const text = held ? "Asked for." : "Streamed.";
      await blocked.discuss(WORDS, text);
      await blocked.kept(text);
      await free.list();
      await free.card(text).waitFor();
      await free.openThread(text);
      await free.reply(`Heard: ${text}`);
      await blocked.kept(`Heard: ${text}`);
      await free.readers(held ? 3 : 2);
    }
  }],

  ["reload: drafts and unsent changes survive it, and go out once and in order", async ({ open, cable }) => {
    const other = await open("Mia");
    await other.live();
    const reader = await open("Ned", { cabled: true });
    await reader.discuss(WORDS, "Before the tunnel.");
    await reader.kept("Before the tunnel.");
    cable.cut();
    await reader.state("offline");
    for (const text of ["First in the tunnel.", "Second in the tunnel."]) await reader.reply(text);
    await reader.hook("reply").fill("Only begun in the tunnel");
    await reader.stored(3);
    cable.mend();
    await reader.page.reload();
    await reader.live();
    await reader.openThread("Before the tunnel.");
    await reader.kept("Second in the tunnel.");
    assert.equal(await reader.hook("reply").inputValue(), "Only begun in the tunnel");
    await other.openThread("Before the tunnel.");
    await other.kept("Second in the tunnel.");
    const texts = await other.hook("comment").allInnerTexts();
    assert.deepEqual(texts.map((text) => ["Before", "First", "Second"].find((word) => text.includes(word))), ["Before", "First", "Second"]);
    await reader.stored(1); // the draft
  }],

  ["login: unsent changes stay with who wrote them, drafts carry over", async ({ open, cable }) => {
    const reader = await open("Ola", { cabled: true });
    await reader.discuss(WORDS, "Ola begins.");
    await reader.kept("Ola begins.");
    cable.cut();
    await reader.state("offline");
    await reader.reply("Ola goes on.");
    await reader.hook("reply").fill("A draft of somebody");
    await reader.stored(2);
    cable.mend();
    await reader.as("Pia");
    await reader.live();
    await reader.openThread("Ola begins.");
    assert.equal(await reader.hook("reply").inputValue(), "A draft of somebody");
    assert.equal(await reader.comment("Ola goes on.").count(), 0);
    await reader.as("Ola");
    await reader.live();
    await reader.openThread("Ola begins.");
    await reader.kept("Ola goes on.");
  }],

  ["no IndexedDB: everything goes on in memory", async ({ open, cable }) => {
    const reader = await open("Quin", { cabled: true, noDatabase: true });
    await reader.discuss(WORDS, "Without a disk.");
    await reader.kept("Without a disk.");
    cable.cut();
    await reader.state("offline");
    await reader.reply("In memory.");
    cable.mend();
    await reader.kept("In memory.");
  }],

  ["full disk: everything goes on, and no error reaches the page", async ({ open }) => {
    const reader = await open("Rex", { fullDisk: true });
    await reader.discuss(WORDS, "On a full disk.");
    await reader.kept("On a full disk.");
    assert.deepEqual(reader.complaints, []);
  }],

  ["2G: a discussion arrives over 300 ms and 30 kB/s", async ({ open }) => {
    const reader = await open("Sam");
    await reader.live();
    await reader.throttle({ offline: false, latency: 300, downloadThroughput: 30_000, uploadThroughput: 15_000 });
    await reader.page.reload();
    await reader.live();
    await reader.discuss(WORDS, "Slow and steady.");
    await reader.kept("Slow and steady.");
  }],

  ["clock: a reader whose clock is a day ahead sees what was just said as just said", async ({ open }) => {
    const reader = await open("Tess", { skewMs: DAY_MS });
    await reader.live();
    await reader.discuss(WORDS, "What time is it?");
    await reader.kept("What time is it?");
    await until("the right age", async () => (await reader.comment("What time is it?").locator("time").innerText()) === "now");
  }],

  ["sleep: after a gap in time the socket has to prove that it lives", async ({ open }) => {
    const reader = await open("Uma");
    await reader.live();
    const before = reader.sent.filter((frame) => frame.includes('"ping"')).length;
    await reader.sleep(120_000);
    await until("a ping after waking", () => reader.sent.filter((frame) => frame.includes('"ping"')).length > before);
    await reader.live();
  }],

  ["policy: a nonce, Trusted Types, another origin's page, and no cookie, storage or third party", async ({ open, foreign }) => {
    const page = await foreign();
    const reader = await open("Vic", { url: page.address });
    await reader.live();
    await reader.discuss("words on somebody else's page", "From afar.");
    await reader.kept("From afar.");
    assert.deepEqual(await reader.page.evaluate(() => [document.cookie, localStorage.length, sessionStorage.length, window.violations]), ["", 0, 0, []]);
    assert.deepEqual(await reader.context.cookies(), []);
    assert.deepEqual([...new Set(reader.requested.map((url) => new URL(url).host))].sort(), page.hosts);
    assert.deepEqual(await reader.page.evaluate(() => window.heard), ["parley:state", "parley:ready", "parley:count", "parley:chat-created"]);
    const left = await reader.page.evaluate(() => {
      window.widget.destroy();
      return [CSS.highlights.size, document.querySelectorAll("parley-widget, parley-bar").length];
    });
    assert.deepEqual(left, [0, 0]);
    // The browser gives locks back a turn later.
    await until("all locks given back", () =>
      reader.page.evaluate(() => navigator.locks.query().then(({ held, pending }) => held.length + pending.length === 0)));
  }],

  ["back/forward: restored from the cache it is live again at once", async ({ comeBack }) => {
    const { persisted, states } = await comeBack();
    assert.equal(persisted, true);
    assert.equal(states.at(-1), "live");
  }],

  ["killed server: what was being written is kept once, by the next one", async ({ open, killServer }) => {
    const reader = await open("Wim");
    await reader.live();
    await reader.discuss(WORDS, "Before the kill.");
    await reader.kept("Before the kill.");
    await reader.reply("In the middle of it.");
    const back = killServer();
    await reader.reply("While it is down.");
    await back;
    await reader.kept("While it is down.");
    await reader.kept("In the middle of it.");
    for (const text of ["In the middle of it.", "While it is down."]) assert.equal(await reader.comment(text).count(), 1);
    const fresh = await open("Xia");
    await fresh.openThread("Before the kill.");
    assert.equal(await fresh.hook("comment").count(), 3);
  }],
];
