/** Drives the page and measures; milliseconds of CPU of the browser's main thread. */
import { traced } from "./trace.mjs";

const LONG_MS = 50;
const FRAME_MS = 1_000 / 60;
const RUNS = 5;

/** `ratio`: holds on any machine, so it is a gate. */
export async function measure(browser, address, chats, { open }) {
  const page = await visit(browser, address, chats);
  const load = await traced(browser, page, () => start(page, chats.length));
  const plain = await traced(browser, page, () => laidOut(page, false));
  const marked = await traced(browser, page, () => laidOut(page, true));
  const scrolling = await traced(browser, page, () => scroll(page));
  const edited = await traced(browser, page, () => edit(page));
  await page.close();
  // The same page without the widget: the browser's own work with what changed.
  const bare = await visit(browser, address, chats);
  const still = await traced(browser, bare, () => edit(bare));
  await bare.close();
  const talking = await visit(browser, address, chats.slice(0, open));
  await start(talking, open);
  await openList(talking);
  const calm = await traced(browser, talking, () => change(talking, open, false));
  const changes = await traced(browser, talking, () => change(talking, open, true));
  await talking.close();
  const work = Math.max(0, edited.total - still.total) / RUNS;
  return [
    { name: `load: ${chats.length} discussions anchored, longest task`, value: load.longest, unit: "ms", bar: LONG_MS },
    { name: "load: all tasks", value: load.total, unit: "ms" },
    { name: "highlights: put back, and the whole page laid out", value: marked.total / RUNS, unit: "ms", bar: 150 },
    { name: "highlights: the same against the page without them", value: marked.total / plain.total, unit: "x", bar: 3, ratio: true },
    { name: "scrolling through the page: longest task", value: scrolling.longest, unit: "ms", bar: LONG_MS },
    { name: "one paragraph changed: what the widget adds", value: work, unit: "ms", bar: 20 },
    { name: "one paragraph changed, against anchoring them all", value: work / load.total, unit: "x", bar: 0.25, ratio: true },
    { name: `one change, ${open} discussions in the open list: received to painted`, value: Math.max(0, changes.total - calm.total) / RUNS, unit: "ms", bar: FRAME_MS },
  ];
}

/** A tab with the page, the widget not started, and a gateway that knows one page of chats. */
async function visit(browser, address, chats) {
  const page = await browser.newPage({ viewport: { width: 1360, height: 860 } });
  await page.routeWebSocket(/\/v1\/live/, (route) => {
    const send = (frame) => route.send(JSON.stringify(frame));
    page.send = send;
    route.onMessage((text) => {
      const frame = JSON.parse(text);
      if (frame.t === "hello") send({ t: "welcome", v: 1, tenant: "bench", reader: { id: "me", name: "Me", role: "commenter" }, renewInMs: 3_600_000 });
      if (frame.t === "join") send({ t: "page", page: "bench", epoch: "e", seq: chats.length, kind: "snapshot", chats, gone: [], readers: 1 });
      if (frame.t === "ping") send({ t: "pong" });
    });
  });
  page.chats = chats;
  await page.goto(address);
  await settled(page);
  return page;
}

const settled = (page) => page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 600)));

/** Starts the widget, until everything is anchored and painted. */
async function start(page, count) {
  await page.evaluate(() => void globalThis.bench.start());
  await page.waitForFunction((count) => {
    let painted = 0;
    for (const [name, highlight] of CSS.highlights) if (name.startsWith("parley-")) painted += highlight.size;
    return painted >= count;
  }, count, { timeout: 240_000, polling: 500 });
  await settled(page);
}

/** Takes all highlights away; then, some times, puts them back (or not) and has the whole page laid out anew. */
async function laidOut(page, withHighlights) {
  await page.evaluate(({ runs, withHighlights }) => {
    const kept = [...CSS.highlights].filter(([name]) => name.startsWith("parley-")).map(([name, highlight]) => [name, [...highlight]]);
    const put = () => kept.forEach(([name, ranges]) => CSS.highlights.set(name, new Highlight(...ranges)));
    for (let left = runs; left > 0; left -= 1) {
      for (const [name] of kept) CSS.highlights.delete(name);
      if (withHighlights) put();
      document.body.style.width = `${900 - left}px`; // every line breaks anew
      document.body.getBoundingClientRect();
    }
    document.body.style.width = "";
    put();
  }, { runs: RUNS, withHighlights });
  await settled(page);
}

async function scroll(page) {
  await page.evaluate(async () => {
    for (let step = 0; step < 60; step += 1) {
      scrollTo(0, (step * document.documentElement.scrollHeight) / 60);
      await new Promise(requestAnimationFrame);
    }
    scrollTo(0, 0);
  });
  await settled(page);
}

/** The page's own script changes paragraphs in the middle, one after the other. */
async function edit(page) {
  for (let run = 0; run < RUNS; run += 1) {
    await page.evaluate((at) => {
      const paragraphs = document.querySelectorAll("main p");
      const node = paragraphs[(paragraphs.length >> 1) + at].firstChild;
      node.data = node.data.replace(" ", " changed ");
    }, run);
    await settled(page);
  }
}

async function openList(page) {
  await page.evaluate(() => document.querySelector("parley-widget").shadowRoot.querySelector('[data-parley="discussions"]').click());
  await page.waitForFunction(() => document.querySelector("parley-widget").shadowRoot.querySelectorAll('[data-parley="discussion"]').length >= 50);
  await settled(page);
}

/** Changes from another reader, or frames that change nothing, one after the other. */
async function change(page, open, real) {
  for (let run = 0; run < RUNS; run += 1) {
    const text = `marked-for-the-bench ${run}`;
    const seq = open + run;
    const { id } = page.chats[run * 7];
    if (real) page.send({ t: "live", page: "bench", epoch: "e", after: seq, seq: seq + 1, events: [{ event: "updated-text-chat", seq: seq + 1, broadcastId: `b${run}`, chat: { id, seq: seq + 1, comment: { id, text } } }] });
    else page.send({ t: "pong" });
    await settled(page);
    const drawn = await page.evaluate((text) => document.querySelector("parley-widget").shadowRoot.textContent.includes(text), text);
    if (drawn !== real) throw new Error(`the change was ${drawn ? "" : "not "}drawn`);
  }
}
