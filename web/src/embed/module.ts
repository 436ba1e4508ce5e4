/** The ES module: `import { Parley } from "https://parley.example/v1/parley.mjs"`. */
import { type Options, type Widget, createParley } from "./parley";

export type { Options, Widget };

export function Parley(element: Element | null, options: Options): Widget {
  const { protocol, origin } = new URL(import.meta.url);
  return createParley(element, options, protocol.startsWith("http") ? origin : null);
}

export default Parley;
