// @vitest-environment jsdom
import { act, createElement } from "react";
import { createRoot } from "react-dom/client";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createApp, h, nextTick, ref } from "vue";
import { Discussions as ReactDiscussions } from "../packages/react";
import { Discussions as VueDiscussions } from "../packages/vue";

CSSStyleSheet.prototype.replaceSync = () => {};
Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });

let sockets: { url: string; closed: boolean }[] = [];
const asked: string[] = [];
const getToken = (reason: string): Promise<string> => {
  asked.push(reason);
  return Promise.resolve("secret-token");
};

describe.each(["react", "vue"])("the %s component", (which) => {
  beforeEach(() => {
    sockets = [];
    vi.stubGlobal("WebSocket", class {
      closed = false;
      constructor(readonly url: string) {
        sockets.push(this);
      }
      close(): void {
        this.closed = true;
      }
    });
    document.body.innerHTML = "<p>Some text to discuss.</p><div id=app></div>";
  });
  afterEach(() => vi.unstubAllGlobals());

  interface Shown {
    show(page: string, topBar: boolean): Promise<void>;
    unmount(): Promise<void>;
  }

  function mounted(onState: (detail: { state: string }) => void): Shown {
    const app = document.querySelector("#app") as Element;
    const server = "https://parley.example";
    if (which === "react") {
      const root = createRoot(app);
      return {
        // A new closure each time, as people write it.
        show: async (page, topBar) =>
          act(() => root.render(createElement(ReactDiscussions, { server, page, topBar, onState, getToken: (reason) => getToken(reason) }))),
        unmount: async () => act(() => root.unmount()),
      };
    }
    const props = ref({ page: "", topBar: true });
    const vue = createApp({ render: () => h(VueDiscussions, { server, ...props.value, onState, getToken: (reason: string) => getToken(reason) }) });
    let up = false;
    return {
      async show(page, topBar) {
        props.value = { page, topBar };
        if (!up) vue.mount(app);
        up = true;
        await nextTick();
      },
      async unmount() {
        vue.unmount();
        await nextTick();
      },
    };
  }

  it("mounts, follows its properties on the same connection, tells events, and unmounts without a trace", async () => {
    const states: string[] = [];
    const before = document.body.innerHTML;
    const shown = mounted(({ state }) => states.push(state));
    await shown.show("https://acme.test/7", true);
    await vi.waitFor(() => expect(sockets.map(({ url }) => url)).toEqual(["wss://parley.example/v1/live"]));
    await vi.waitFor(() => expect(states).toEqual(["connecting"]));
    expect(asked.at(-1)).toBe("start");
    const bars = (): number => document.querySelector("parley-widget")?.shadowRoot?.querySelectorAll('[data-parley="topbar"]').length ?? -1;
    expect(bars()).toBe(1);
    await shown.show("https://acme.test/8", false);
    expect(bars()).toBe(0);
    expect(sockets).toHaveLength(1);
    await shown.unmount();
    expect(sockets[0]?.closed).toBe(true);
    expect(document.body.innerHTML.replace(' data-v-app=""', "")).toBe(before);
  });
});
