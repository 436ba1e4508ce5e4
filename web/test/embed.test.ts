// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createParley } from "../src/embed/parley";

CSSStyleSheet.prototype.replaceSync = () => {};

/** A WebSocket that only remembers. */
class QuietSocket extends EventTarget {
  static readonly OPEN = 1;
  static made: QuietSocket[] = [];
  readonly readyState = 0;
  closed = false;
  constructor(readonly url: string) {
    super();
    QuietSocket.made.push(this);
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
    const widget = createParley(null, { getToken, server: "http://x.test" }, null);
    await connected(1);
    widget.destroy();
    expect(document.documentElement.outerHTML).toBe(before);
    expect(QuietSocket.made.every(({ closed }) => closed)).toBe(true);
    expect(added.length).toBeGreaterThanOrEqual(13);
    expect(removed).toHaveLength(added.length);
    expect(removed.every(({ aborted }) => aborted)).toBe(true);
    vi.restoreAllMocks();
  });

  it("says what is missing", () => {
    expect(() => createParley(null, { getToken }, null)).toThrow(/pass `server`/);
    expect(() => createParley(null, {} as { getToken: typeof getToken }, "http://x.test")).toThrow(/pass `getToken`/);
  });
});
