/** The ES module: `import { Parley } from "https://parley.example/v1/parley.mjs"`. Defines the custom element too. */
import { defineElement } from "./element";
import type { Options, ParleyEvents, Widget } from "./options";
import { createParley } from "./parley";

export type { Options, ParleyEvents, Widget };

const { protocol, origin } = new URL(import.meta.url);
const server = protocol.startsWith("http") ? origin : null;

export function Parley(element: Element | null, options: Options): Widget {
  return createParley(element, options, server);
}

export default Parley;

// A server that renders pages has no elements.
if (typeof customElements !== "undefined") defineElement(server);
