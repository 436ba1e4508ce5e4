import { type ComponentChild, render } from "preact";
import { SurroundingsContext } from "./context";
import { DiscussButton } from "./discuss-button";
import type { Model } from "./model";
import { Panel } from "./panel";
import type { Strings } from "./strings";
import { ourSheet } from "./sheet";
import { TopBar } from "./top-bar";

/** The elements that hold our shadow roots; everything the widget shows is inside of them. */
export const WIDGET_TAG = "parley-widget";
export const BAR_TAG = "parley-bar";

export function isOurs(element: Element): boolean {
  return element.localName === WIDGET_TAG || element.localName === BAR_TAG;
}

/** Draws the widget into `parent`, its bar into `bar` (or floating, or not at all). The answer removes it all. */
export function mount(model: Model, strings: Strings, parent: Element, bar: Element | boolean, theme?: string): () => void {
  const main = host(WIDGET_TAG, parent, model, strings, theme);
  main.draw(
    <>
      {bar === true && <TopBar floating />}
      <DiscussButton />
      <Panel underBar={bar === true} />
    </>,
  );
  const inline = typeof bar === "boolean" ? null : host(BAR_TAG, bar, model, strings, theme);
  inline?.draw(<TopBar floating={false} />);
  return () => {
    main.remove();
    inline?.remove();
  };
}

function host(tag: string, parent: Element, model: Model, strings: Strings, theme = ""): { draw(content: ComponentChild): void; remove(): void } {
  const element = document.createElement(tag);
  element.lang = strings.locale;
  element.dir = strings.rtl ? "rtl" : "ltr";
  element.dataset["theme"] = theme;
  const root = element.attachShadow({ mode: "open" });
  root.adoptedStyleSheets = [ourSheet()];
  parent.append(element);
  return {
    draw(content) {
      render(<SurroundingsContext.Provider value={{ model, strings }}>{content}</SurroundingsContext.Provider>, root);
    },
    remove() {
      render(null, root);
      element.remove();
    },
  };
}
