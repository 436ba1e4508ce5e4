/** One browser tab with the demo's article, driven as a reader would. */

export class Reader {
  /** Frames received on the WebSocket, as text, in order. */
  received = [];
  /** Frames sent on it. */
  sent = [];
  /** WebSockets opened. */
  sockets = 0;
  /** What the browser itself complained about. */
  complaints = [];

  constructor(page) {
    this.page = page;
  }

  static async open(context, url) {
    const page = await context.newPage();
    const reader = new Reader(page);
    page.on("pageerror", (error) => reader.complaints.push(error.message));
    const devtools = await context.newCDPSession(page);
    await devtools.send("Network.enable");
    devtools.on("Network.webSocketCreated", () => (reader.sockets += 1));
    devtools.on("Network.webSocketFrameReceived", ({ response }) => reader.received.push(response.payloadData));
    devtools.on("Network.webSocketFrameSent", ({ response }) => reader.sent.push(response.payloadData));
    await page.goto(url);
    return reader;
  }

  hook(name) {
    return this.page.locator(`[data-parley="${name}"]`);
  }

  async live() {
    await this.page.locator('[data-parley="state"][data-state="live"]').waitFor();
  }

  async state(name) {
    await this.page.locator(`[data-parley="state"][data-state="${name}"]`).waitFor();
  }

  async readers(count) {
    await this.page.locator(`[data-parley="readers"][data-count="${count}"]`).waitFor();
  }

  /** The comment with this text in the open thread. */
  comment(text) {
    return this.hook("comment").filter({ hasText: text });
  }

  card(text) {
    return this.hook("discussion").filter({ hasText: text });
  }

  /** Selects words of the article as a mouse does, and starts a discussion about them. */
  async discuss(words, text) {
    await this.select(words);
    await this.hook("discuss").click();
    await this.hook("composer").fill(text);
    await this.hook("send").click();
    await this.comment(text).waitFor();
  }

  async select(words) {
    await this.page.evaluate((wanted) => {
      const walker = document.createTreeWalker(document.querySelector("#article"), NodeFilter.SHOW_TEXT);
      for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
        const start = node.data.indexOf(wanted);
        if (start === -1) continue;
        node.parentElement.scrollIntoView({ block: "center" });
        const range = document.createRange();
        range.setStart(node, start);
        range.setEnd(node, start + wanted.length);
        const selection = getSelection();
        selection.removeAllRanges();
        selection.addRange(range);
        return;
      }
      throw new Error(`The article does not say "${wanted}".`);
    }, words);
  }

  /** Opens the list of discussions, whatever is open now. */
  async list() {
    if (await this.hook("back").isVisible()) await this.hook("back").click();
    else if (!(await this.hook("panel").isVisible())) await this.hook("discussions").click();
    await this.hook("panel").waitFor();
  }

  /** Opens the discussion that begins with this text. */
  async openThread(text) {
    await this.list();
    await this.card(text).click();
    await this.hook("thread").waitFor();
  }

  async reply(text) {
    await this.hook("reply").fill(text);
    await this.hook("send").click();
  }

  async kept(text) {
    await this.page.locator('[data-parley="comment"][data-delivery="kept"]').filter({ hasText: text }).waitFor();
  }
}

/** Waits until `probe` answers something true; at most `limit` milliseconds. */
export async function until(what, probe, limit = 15_000) {
  const end = performance.now() + limit;
  for (;;) {
    const answer = await probe();
    if (answer) return answer;
    if (performance.now() > end) throw new Error(`Waited ${limit / 1_000} s in vain: ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
