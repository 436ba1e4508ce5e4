import type { Options, Widget } from "./options";
import { createParley } from "./parley";
import { type TagOptions, fromTag } from "./tag";

export const ELEMENT_TAG = "parley-discussions";

const ATTRIBUTES: Readonly<Record<string, keyof TagOptions>> = {
  "token-url": "tokenUrl",
  server: "server",
  page: "page",
  "top-bar": "topBar",
  root: "root",
  lang: "lang",
  theme: "theme",
  trace: "trace",
};

/** Defines `<parley-discussions>`: lives while it is in the document, follows its attributes and its `options`. */
export function defineElement(scriptOrigin: string | null): void {
  if (customElements.get(ELEMENT_TAG) !== undefined) return;
  class ParleyDiscussions extends HTMLElement {
    static readonly observedAttributes = Object.keys(ATTRIBUTES);
    #options: Partial<Options> = {};
    #widget: Widget | null = null;

    /** Options by property, for what no attribute can say; they go before attributes. */
    get options(): Partial<Options> {
      return this.#options;
    }

    set options(options: Partial<Options>) {
      this.#options = options;
      this.#follow();
    }

    connectedCallback(): void {
      this.#follow();
    }

    disconnectedCallback(): void {
      this.#widget?.destroy();
      this.#widget = null;
    }

    attributeChangedCallback(): void {
      this.#follow();
    }

    #follow(): void {
      if (!this.isConnected) return;
      const tag = Object.entries(ATTRIBUTES).flatMap(([name, option]) => {
        const value = this.getAttribute(name);
        return value === null ? [] : [[option, value]];
      });
      const options = { ...fromTag(Object.fromEntries(tag) as TagOptions), ...this.#options };
      if (options.getToken === undefined) return; // not told yet how to get one
      if (this.#widget === null) this.#widget = createParley(this, options as Options, scriptOrigin);
      else this.#widget.update(options);
    }
  }
  customElements.define(ELEMENT_TAG, ParleyDiscussions);
}
