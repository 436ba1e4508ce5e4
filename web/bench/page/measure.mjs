/** Drives the page and measures; milliseconds of the browser's main thread. */

const LONG_MS = 50;
const FRAME_MS = 1_000 / 60;

export async function measure(browser, address, chats, { open }) {
  const loaded = await reading(browser, address, chats);
  const figures = [...(await load(loaded)), ...(await highlights(loaded)), ...(await scrolling(loaded)), ...(await editing(loaded))];
  await loaded.page.close();
  const talking = await reading(browser, address, chats.slice(0, open));
  figures.push(...(await change(talking, open)));
  await talking.page.close();
  return figures;
}

/** A tab with the page, and a gateway that knows one page of chats. */
async function reading(browser, address, chats) {
  const page = await browser.newPage({ viewport: { width: 1360, height: 860 } });
  let socket;
  await page.routeWebSocket(/\/v1\/live/, (route) => {
    socket = route;
    const send = (frame) => route.send(JSON.stringify(frame));
    route.onMessage((text) => {
      const frame = JSON.parse(text);
      if (frame.t === "hello") send({ t: "welcome", v: 1, tenant: "bench", reader: { id: "me", name: "Me", role: "commenter" }, renewInMs: 3_600_000 });
      if (frame.t === "join") send({ t: "page", page: "bench", epoch: "e", seq: chats.length, kind: "snapshot", chats, gone: [], readers: 1 });
      if (frame.t === "ping") send({ t: "pong" });
    });
  });
  await page.goto(address);
  const before = await page.evaluate(() => {
    const at = performance.now();
    globalThis.widget = globalThis.bench.start();
    return { at, ms: performance.now() - at };
  });
  await page.waitForFunction((count) => {
    let painted = 0;
    for (const [name, highlight] of CSS.highlights) if (name.startsWith("parley-")) painted += highlight.size;
    return painted >= count;
  }, chats.length, { timeout: 120_000 });
  await settled(page);
  return { page, before, chats, send: (frame) => socket.send(JSON.stringify(frame)) };
}

const settled = (page) => page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 600)));
const longest = (tasks) => Math.max(0, ...tasks.map(({ ms }) => ms));

async function load({ page, before, chats }) {
  const { now, tasks } = await page.evaluate((at) => ({ now: performance.now(), tasks: globalThis.bench.tasks(at - 1) }), before.at);
  return [
    { name: `start of the widget, synchronous part`, value: before.ms, unit: "ms" },
    { name: `load: ${chats.length} discussions anchored, longest task`, value: longest(tasks), unit: "ms", bar: LONG_MS },
    { name: "load: all anchored and painted after", value: now - before.at - 600, unit: "ms" },
  ];
}

/** Takes all highlights away and puts them back, with the layout that follows. */
async function highlights({ page }) {
  const ms = await page.evaluate(() => {
    const kept = [...CSS.highlights].filter(([name]) => name.startsWith("parley-")).map(([name, highlight]) => [name, [...highlight]]);
    for (const [name] of kept) CSS.highlights.delete(name);
    document.body.getBoundingClientRect();
    const runs = [];
    for (let left = 5; left > 0; left -= 1) {
      const began = performance.now();
      for (const [name, ranges] of kept) CSS.highlights.set(name, new Highlight(...ranges));
      document.body.style.paddingTop = `${left}px`;
      document.body.getBoundingClientRect();
      runs.push(performance.now() - began);
    }
    return runs.sort((a, b) => a - b)[2];
  });
  return [{ name: "highlights: applied, and the whole page laid out (median of 5)", value: ms, unit: "ms", bar: 150 }];
}

async function scrolling({ page }) {
  const tasks = await page.evaluate(async () => {
    const began = performance.now();
    for (let step = 0; step < 60; step += 1) {
      scrollTo(0, (step * document.documentElement.scrollHeight) / 60);
      await new Promise(requestAnimationFrame);
    }
    await new Promise((resolve) => setTimeout(resolve, 300));
    return globalThis.bench.tasks(began);
  });
  return [{ name: "scrolling through the page: longest task (0: none over 50)", value: longest(tasks), unit: "ms", bar: LONG_MS }];
}

/** The page's own script changes a paragraph in the middle. What the widget then does is told by the profiler. */
async function editing({ page }) {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Profiler.enable");
  await devtools.send("Profiler.setSamplingInterval", { interval: 200 });
  const runs = [];
  for (let run = 0; run < 5; run += 1) {
    await devtools.send("Profiler.start");
    await page.evaluate((at) => {
      const paragraphs = document.querySelectorAll("main p");
      const node = paragraphs[(paragraphs.length >> 1) + at].firstChild;
      node.data = node.data.replace(" ", " changed ");
    }, run);
    await settled(page);
    const { profile } = await devtools.send("Profiler.stop");
    const ours = new Set(profile.nodes.filter(({ callFrame }) => callFrame.url.endsWith("/bench.js") || callFrame.functionName === "(garbage collector)").map(({ id }) => id));
    const native = new Map(profile.nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])));
    const isOurs = (id) => id !== undefined && (ours.has(id) || isOurs(native.get(id)));
    runs.push(profile.samples.reduce((sum, id, at) => sum + (isOurs(id) ? profile.timeDeltas[at] : 0), 0) / 1_000);
  }
  return [{ name: "one paragraph changed: the widget's work (median of 5)", value: runs.sort((a, b) => a - b)[2], unit: "ms", bar: 20 }];
}

async function change({ page, send, chats }, open) {
  const runs = [];
  await page.evaluate(() => document.querySelector("parley-widget").shadowRoot.querySelector('[data-parley="discussions"]').click());
  await settled(page);
  for (let run = 0; run < 9; run += 1) {
    const painted = page.evaluate((text) => new Promise((resolve) => {
      const root = document.querySelector("parley-widget").shadowRoot;
      const look = () => {
        if (![...root.querySelectorAll(".text")].some((node) => node.textContent === text)) return;
        observer.disconnect();
        const drawn = performance.now();
        requestAnimationFrame(() => resolve({ drawn: drawn - globalThis.bench.received(), frame: performance.now() - globalThis.bench.received() }));
      };
      const observer = new MutationObserver(look);
      observer.observe(root, { subtree: true, childList: true, characterData: true });
    }), `marked-for-the-bench ${run}`);
    const seq = chats.length + run;
    const { id } = chats[run * 7];
    send({ t: "live", page: "bench", epoch: "e", after: seq, seq: seq + 1, events: [{ event: "updated-text-chat", seq: seq + 1, broadcastId: `b${run}`, chat: { id, seq: seq + 1, comment: { id, text: `marked-for-the-bench ${run}` } } }] });
    runs.push(await painted);
  }
  const median = (key) => runs.map((run) => run[key]).sort((a, b) => a - b)[runs.length >> 1];
  return [{ name: `one change, ${open} discussions in the open list: received to drawn (median of 9)`, value: median("drawn"), unit: "ms", bar: FRAME_MS }];
}
