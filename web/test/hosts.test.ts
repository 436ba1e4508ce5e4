// @vitest-environment jsdom
import { type ReactNode, act, createElement as e } from "react";
import { createRoot, hydrateRoot } from "react-dom/client";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createApp, createSSRApp, h, nextTick, ref } from "vue";
import type { Widget } from "../src/embed/options";
import { createParley } from "../src/embed/parley";
import { ANN, PAGE, chat, page } from "./connection/fixtures";
import { quoteAt } from "../src/anchoring/describe";

CSSStyleSheet.prototype.replaceSync = () => {};
Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });

const ITEMS = ["Liberty is to faction what air is to fire.", "An aliment without which it expires.", "The third paragraph is about trees."];
const getToken = (): Promise<string> => Promise.resolve("token");

class Socket {
  static readonly OPEN = 1;
  static last: Socket;
  readonly readyState = 1;
  joined: string[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  constructor() {
    Socket.last = this;
    queueMicrotask(() => this.onopen?.());
  }
  send(text: string): void {
    const frame = JSON.parse(text) as { t: string; page: string };
    if (frame.t === "hello") this.say({ t: "welcome", v: 1, tenant: "acme", reader: ANN });
    if (frame.t === "join") {
      this.joined.push(frame.page);
      const chats = ITEMS.slice(0, 2).map((words, at) => chat(`c${at}`, at + 1, "Why?", { anchor: anchor(words.slice(0, 20)) }));
      this.say({ ...page(2, chats), page: frame.page });
    }
  }
  say(frame: unknown): void {
    queueMicrotask(() => this.onmessage?.({ data: JSON.stringify(frame) }));
  }
  close(): void {}
}

function anchor(words: string): object {
  const text = ITEMS.join(" ");
  const start = text.indexOf(words);
  return { quote: quoteAt(text, start, start + words.length), position: { start, end: start + words.length } };
}

/** What the registry of highlights holds: the words of each mark. */
const marks = new Map<string, Set<Range>>();
const marked = (): string[] => [...marks.values()].flatMap((ranges) => [...ranges].map(String)).sort();

const { warn, error } = console;
const said: string[] = [];
let widget: Widget | undefined;
beforeEach(() => {
  said.length = 0;
  console.error = console.warn = (...words: unknown[]) => void said.push(words.join(" "));
  document.body.innerHTML = "<div id=app></div>";
  marks.clear();
  document.adoptedStyleSheets = [];
  vi.stubGlobal("WebSocket", Socket);
  vi.stubGlobal("CSS", { highlights: marks });
  vi.stubGlobal("Highlight", class extends Set<Range> {});
});
afterEach(() => {
  widget?.destroy();
  widget = undefined;
  vi.unstubAllGlobals();
  Object.assign(console, { warn, error });
});

const app = (): Element => document.querySelector("#app") as Element;
const start = (): Widget => (widget = createParley(null, { getToken, server: "http://x.test", page: PAGE }, null));
const list = (keys: readonly number[]): ReactNode => e("main", null, keys.map((key) => e("p", { key }, `${ITEMS[key]} `, e("b", null, `#${key}`))));

interface Host {
  /** Shows these items, in this order. */
  show(keys: readonly number[]): Promise<void>;
  unmount(): Promise<void>;
}
const HOSTS: Record<string, (hydrate: boolean) => Host> = {
  react(hydrate) {
    let root: ReturnType<typeof createRoot> | undefined;
    return {
      show: async (keys) => act(() => {
        if (root === undefined && hydrate) root = hydrateRoot(app(), list(keys));
        else (root ??= createRoot(app())).render(list(keys));
      }),
      unmount: async () => act(() => root?.unmount()),
    };
  },
  vue(hydrate) {
    const keys = ref<readonly number[]>([]);
    const vue = (hydrate ? createSSRApp : createApp)({ render: () => h("main", keys.value.map((key) => h("p", { key }, [`${ITEMS[key]} `, h("b", `#${key}`)]))) });
    let up = false;
    return {
      async show(next) {
        keys.value = next;
        if (!up) vue.mount(app());
        up = true;
        await nextTick();
      },
      unmount: async () => vue.unmount(),
    };
  },
};
const SERVED = `<main>${ITEMS.map((item, key) => `<p>${item} <b>#${key}</b></p>`).join("")}</main>`;

describe.each(Object.keys(HOSTS))("on a page of %s", (which) => {
  it("marks words without a single change of the host's nodes, and follows what the host does with them", async () => {
    const host = HOSTS[which]?.(false) as Host;
    await host.show([0, 1, 2]);
    const ours: MutationRecord[] = [];
    const watch = new MutationObserver((records) => ours.push(...records));
    watch.observe(app(), { subtree: true, childList: true, characterData: true, attributes: true });
    start();
    await vi.waitFor(() => expect(marked()).toEqual([ITEMS[1]?.slice(0, 20), ITEMS[0]?.slice(0, 20)].sort()));
    expect([...ours, ...watch.takeRecords()]).toEqual([]);
    watch.disconnect();
    for (const keys of [[2, 0, 1], [1, 2], [0, 1, 2]]) {
      await host.show(keys);
      expect([...app().querySelectorAll("p")].map((node) => node.textContent)).toEqual(keys.map((key) => `${ITEMS[key]} #${key}`));
      const wanted = [0, 1].filter((key) => keys.includes(key)).map((key) => ITEMS[key]?.slice(0, 20)).sort();
      await vi.waitFor(() => expect(marked()).toEqual(wanted), { timeout: 3_000 });
    }
    await host.unmount();
    expect(app().childNodes).toHaveLength(0);
    expect(said).toEqual([]);
  });

  it("does not disturb hydration of what the server sent", async () => {
    app().innerHTML = SERVED;
    const first = app().querySelector("p");
    start();
    await vi.waitFor(() => expect(marked()).toHaveLength(2));
    const host = HOSTS[which]?.(true) as Host;
    await host.show([0, 1, 2]);
    expect(said).toEqual([]);
    expect(app().querySelector("p")).toBe(first);
    await host.show([1, 0, 2]);
    expect(app().querySelectorAll("p")[1]).toBe(first);
    await vi.waitFor(() => expect(marked()).toHaveLength(2));
    await host.unmount();
  });
});

describe("an application that changes pages without loading them", () => {
  it("gets the discussions of the page that the address names, wherever that is said", async () => {
    app().innerHTML = SERVED;
    history.replaceState(null, "", "/first?utm_source=x");
    widget = createParley(null, { getToken, server: "http://x.test" }, null);
    await vi.waitFor(() => expect(Socket.last.joined).toEqual([`${location.origin}/first`]));
    history.pushState(null, "", "/second");
    app().innerHTML = SERVED;
    await vi.waitFor(() => expect(Socket.last.joined.at(-1)).toBe(`${location.origin}/second`));
    await vi.waitFor(() => expect(marked()).toHaveLength(2));
    history.back();
    await vi.waitFor(() => expect(Socket.last.joined.at(-1)).toBe(`${location.origin}/first`));
    history.pushState(null, "", "/first#part");
    app().append("more");
    history.pushState(null, "", "/fourth");
    app().append("still more");
    // Another part of a page is the same page.
    await vi.waitFor(() => expect(Socket.last.joined.map((name) => new URL(name).pathname)).toEqual(["/first", "/second", "/first", "/fourth"]));
    expect(document.querySelectorAll("parley-widget")).toHaveLength(1);
  });

  it("keeps to the page that it was given", async () => {
    app().innerHTML = SERVED;
    start();
    await vi.waitFor(() => expect(Socket.last.joined).toEqual([PAGE]));
    history.pushState(null, "", "/third");
    dispatchEvent(new PopStateEvent("popstate"));
    app().innerHTML = SERVED;
    await vi.waitFor(() => expect(marked()).toHaveLength(2));
    expect(Socket.last.joined).toEqual([PAGE]);
  });
});
