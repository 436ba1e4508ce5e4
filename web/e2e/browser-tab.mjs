/** A reader's tab whose world can be made worse. */
import { Reader, until } from "./reader.mjs";

export class BrowserTab extends Reader {
  /** Addresses that the page asked for. */
  requested = [];

  static async start(context, url, { noSocket, holdStreams, noDatabase, fullDisk, skewMs = 0 }) {
    const page = await context.newPage();
    const tab = new BrowserTab(page);
    tab.context = context;
    tab.address = url;
    page.on("pageerror", (error) => tab.complaints.push(error.message));
    page.on("request", (request) => request.url().startsWith("http") && tab.requested.push(request.url()));
    await page.addInitScript(worse, { noSocket, noDatabase, fullDisk, skewMs });
    if (holdStreams) await page.route("**/events?*", () => {}); // never answered, as behind a proxy that waits for the end
    tab.devtools = await context.newCDPSession(page);
    await tab.devtools.send("Network.enable");
    tab.devtools.on("Network.webSocketCreated", () => (tab.sockets += 1));
    tab.devtools.on("Network.webSocketFrameSent", ({ response }) => tab.sent.push(response.payloadData));
    await page.goto(url);
    return tab;
  }

  /** Nothing runs in it any more, and it was not told: not even a `freeze` event. */
  async freeze() {
    await this.devtools.send("Debugger.enable");
    const paused = new Promise((resolve) => this.devtools.once("Debugger.paused", resolve));
    await this.devtools.send("Debugger.pause");
    void this.page.evaluate(() => 1).catch(() => {});
    await paused;
  }

  async thaw() {
    await this.devtools.send("Debugger.resume");
    await this.devtools.send("Debugger.disable");
  }

  async crash() {
    const crashed = this.page.waitForEvent("crash");
    void this.devtools.send("Page.crash").catch(() => {});
    await crashed;
  }

  throttle(conditions) {
    return this.devtools.send("Network.emulateNetworkConditions", conditions);
  }

  /** The device sleeps: its clock goes on, nothing else does. */
  sleep(ms) {
    return this.page.evaluate((gap) => void (window.skewMs += gap), ms);
  }

  /** Another reader logs in on this page. */
  async as(name) {
    const url = new URL(this.address);
    url.searchParams.set("reader", `${name}-${url.searchParams.get("edition")}`);
    await this.page.goto(url.href);
  }

  /** Waits until that many texts of this site are on the disk. */
  async stored(count) {
    await until(`${count} texts on the disk`, async () => {
      const found = await this.page.evaluate(() => new Promise((resolve) => {
        const request = indexedDB.open("parley", 1);
        request.onsuccess = () => {
          const rows = request.result.transaction("text").objectStore("text").getAllKeys();
          rows.onsuccess = () => {
            request.result.close();
            // What was read is no text.
            resolve(rows.result.filter(([, , , name]) => !name.startsWith("read:")).length);
          };
        };
      }));
      return found === count;
    });
  }
}

/** Runs in the page, before anything else. */
function worse({ noSocket, noDatabase, fullDisk, skewMs }) {
  window.skewMs = skewMs;
  const now = Date.now;
  Date.now = () => now() + window.skewMs;
  if (noSocket) {
    window.WebSocket = class {
      constructor() {
        setTimeout(() => this.onclose({ code: 1006, reason: "" }), 20);
      }
      close() {}
    };
  }
  if (noDatabase) Object.defineProperty(window, "indexedDB", { value: undefined });
  if (fullDisk) {
    IDBObjectStore.prototype.put = () => {
      throw new DOMException("full", "QuotaExceededError");
    };
  }
}
