// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Client } from "../src/connection/client";
import { ELEMENT_TAG, defineElement } from "../src/embed/element";
import { createParley } from "../src/embed/parley";
import { ANN, PAGE, created, live, page } from "./connection/fixtures";

CSSStyleSheet.prototype.replaceSync = () => {};

/** A WebSocket that only remembers. */
class QuietSocket extends EventTarget {
  static readonly OPEN = 1;
  static made: QuietSocket[] = [];
  readonly readyState = 0;
  closed = false;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  constructor(readonly url: string) {
    super();
    QuietSocket.made.push(this);
  }
  say(frame: unknown): void {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }
  greet(): void {
    this.onopen?.();
    this.say({ t: "welcome", v: 1, tenant: "acme", reader: ANN });
  }
  send(): void {}
  close(): void {
    this.closed = true;
  }
}

describe("Parley(element, options)", () => {
  beforeEach(() => {
    QuietSocket.made = [];
    vi.stubGlobal("WebSocket", QuietSocket);
    document.body.innerHTML = "<p>Some text to discuss.</p><div id=bar></div>";
  });
  afterEach(() => vi.unstubAllGlobals());

  const getToken = (): Promise<string> => Promise.resolve("secret-token");
  const connected = (count: number): Promise<void> => vi.waitFor(() => expect(QuietSocket.made).toHaveLength(count));

  it("connects to the server that the script came from, without the token in the address", async () => {
    const widget = createParley(null, { getToken }, "https://parley.example");
    await connected(1);
    expect(QuietSocket.made[0]?.url).toBe("wss://parley.example/v1/live");
    widget.destroy();
  });

  it("puts the bar where it is told to, or floats it, or leaves it out", () => {
    const bar = document.querySelector("#bar") as Element;
    const shown = (): boolean[] => [
      document.querySelector("parley-widget")?.shadowRoot?.querySelector('[data-parley="topbar"]') != null,
      bar.querySelector("parley-bar")?.shadowRoot?.querySelector('[data-parley="topbar"]') != null,
    ];
    const widget = createParley(null, { getToken, server: "http://x.test" }, null);
    expect(shown()).toEqual([true, false]);
    widget.update({ topBar: bar });
    expect(shown()).toEqual([false, true]);
    widget.update({ topBar: false });
    expect(shown()).toEqual([false, false]);
    widget.destroy();
  });

  it("removes everything when it is destroyed: nodes, socket, listeners", async () => {
    const before = document.documentElement.outerHTML;
    const added: string[] = [];
    const removed: AbortSignal[] = [];
    for (const target of [document, window]) {
      const original = target.addEventListener.bind(target) as typeof document.addEventListener;
      vi.spyOn(target, "addEventListener").mockImplementation((...args: Parameters<typeof original>) => {
        added.push(String(args[0]));
        const signal = (args[2] as AddEventListenerOptions | undefined)?.signal;
        if (signal !== undefined) removed.push(signal);
        original(...args);
      });
    }
    const widget = createParley(null, { getToken, server: "http://x.test", page: PAGE }, null);
    await connected(1);
    QuietSocket.made[0]?.greet();
    QuietSocket.made[0]?.say(page(0));
    await vi.waitFor(() => expect(added).toContain("hashchange"));
    expect(added.filter((name) => name === "resize")).toHaveLength(2);
    widget.destroy();
    expect(document.documentElement.outerHTML).toBe(before);
    expect(QuietSocket.made.every(({ closed }) => closed)).toBe(true);
    expect(added.length).toBeGreaterThanOrEqual(13);
    expect(removed).toHaveLength(added.length);
    expect(removed.every(({ aborted }) => aborted)).toBe(true);
    vi.restoreAllMocks();
  });

  it("leaves no timer, channel or lock behind, whatever was going on", async () => {
    const running = new Set<unknown>();
    for (const [set, clear] of [["setTimeout", "clearTimeout"], ["setInterval", "clearInterval"]] as const) {
      const [start, stop] = [globalThis[set].bind(globalThis), globalThis[clear].bind(globalThis)];
      vi.stubGlobal(set, (action: () => void, ms: number) => {
        const timer = start(() => {
          if (set === "setTimeout") running.delete(timer);
          action();
        }, ms);
        running.add(timer);
        return timer;
      });
      vi.stubGlobal(clear, (timer: never) => {
        running.delete(timer);
        stop(timer);
      });
    }
    const channels = new Set<object>();
    vi.stubGlobal("BroadcastChannel", class {
      onmessage = null;
      constructor() {
        channels.add(this);
      }
      postMessage(): void {}
      close(): void {
        channels.delete(this);
      }
    });
    const locks = new Set<string>();
    const request = async (name: string, _: object, granted: () => Promise<void>): Promise<void> => {
      await Promise.resolve();
      locks.add(name);
      await granted();
      locks.delete(name);
    };
    vi.stubGlobal("navigator", { onLine: true, language: "en", locks: { request } });
    const token = `e30.${btoa(JSON.stringify({ sub: "u1", tenant: "acme" }))}.x`;
    const widget = createParley(null, { getToken: () => Promise.resolve(token), server: "http://x.test" }, null);
    await connected(1);
    QuietSocket.made[0]?.greet();
    await vi.waitFor(() => expect(running.size).toBeGreaterThan(2));
    expect([channels.size, locks.size]).toEqual([1, 2]);
    widget.update({ page: "https://acme.test/other" });
    expect(QuietSocket.made).toHaveLength(1); // another page needs no other connection
    widget.destroy();
    widget.update({ page: "https://acme.test/late" }); // too late to matter
    await vi.waitFor(() => expect(locks.size).toBe(0));
    expect([running.size, channels.size]).toEqual([0, 0]);
  });

  it("tells the page what happens", async () => {
    const place = document.querySelector("p") as Element;
    const heard: unknown[] = [];
    for (const name of ["parley:ready", "parley:count", "parley:state", "parley:chat-created", "parley:error"]) {
      document.addEventListener(name, (event) => heard.push([name.slice(7), (event as CustomEvent<unknown>).detail]));
    }
    const widget = createParley(place, { getToken, server: "http://x.test", page: PAGE }, null);
    await connected(1);
    const socket = QuietSocket.made[0] as QuietSocket;
    socket.greet();
    socket.say(page(0));
    socket.say(live(0, 1, [created("a", 1)]));
    socket.say({ t: "error", code: "forbidden", message: "Not this page.", page: PAGE });
    await vi.waitFor(() => expect(heard).toContainEqual(["error", { code: "forbidden", message: "Not this page." }]));
    await vi.waitFor(() => expect(heard).toContainEqual(["count", { page: PAGE, discussions: 1, readers: null }]));
    expect(heard).toContainEqual(["ready", { page: PAGE, reader: { id: "u1", role: "commenter", name: "Ann" } }]);
    expect(heard).toContainEqual(["chat-created", { page: PAGE, id: "a", by: "u1", own: true }]);
    widget.destroy();
    const failing = createParley(place, { getToken: () => Promise.reject(new Error("Log in first.")), server: "http://x.test" }, null);
    await vi.waitFor(() => expect(heard).toContainEqual(["error", { code: "no-token", message: "Log in first." }]));
    failing.destroy();
  });

  it("is an element of its own that follows its attributes and leaves with its node", async () => {
    defineElement("https://parley.example");
    vi.stubGlobal("fetch", () => Promise.resolve(new Response('{"token":"secret-token"}')));
    const element = document.createElement(ELEMENT_TAG);
    element.setAttribute("token-url", "/token");
    document.body.append(element);
    await connected(1);
    element.setAttribute("page", "https://acme.test/7");
    expect(document.querySelectorAll("parley-widget")).toHaveLength(1);
    expect(QuietSocket.made).toHaveLength(1);
    element.remove();
    expect([document.querySelector("parley-widget"), QuietSocket.made[0]?.closed]).toEqual([null, true]);
  });

  it("traces changes only where the option or the attribute says so, and from then on", async () => {
    const opened = vi.spyOn(Client.prototype, "open");
    const traced = (): string | undefined => (opened.mock.contexts.at(-1) as Client).traceparent?.();
    const widget = createParley(null, { getToken, server: "http://x.test" }, null);
    expect(traced()).toBeUndefined();
    widget.update({ trace: true });
    expect(traced()).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    widget.update({ trace: false });
    expect(traced()).toBeUndefined();
    widget.destroy();

    const element = document.createElement(ELEMENT_TAG);
    element.setAttribute("token-url", "/token");
    document.body.append(element);
    for (const [value, on] of [["", true], ["false", false], ["true", true]] as const) {
      element.setAttribute("trace", value);
      expect([value, traced() !== undefined]).toEqual([value, on]);
    }
    element.removeAttribute("trace");
    expect(traced()).toBeUndefined();
    element.remove();
    opened.mockRestore();
  });

  it("runs what was queued before the script came", async () => {
    const done: string[] = [];
    vi.stubGlobal("Parley", { queue: [() => done.push("before")] });
    await import("../src/embed/script");
    globalThis.Parley.queue.push(() => done.push("after"));
    expect(done).toEqual(["before", "after"]);
    expect(typeof globalThis.Parley).toBe("function");
  });

  it("says what is missing", () => {
    expect(() => createParley(null, { getToken }, null)).toThrow(/pass `server`/);
    expect(() => createParley(null, {} as { getToken: typeof getToken }, "http://x.test")).toThrow(/pass `getToken`/);
  });
});
