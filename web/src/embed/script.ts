/** The script tag: sets the global `Parley`, and starts by itself where the tag says how to get a token. */
import { tokenFrom } from "../host/token";
import { type Options, type Widget, createParley } from "./parley";

const tag = document.currentScript instanceof HTMLScriptElement ? document.currentScript : null;
const origin = tag === null || tag.src === "" ? null : new URL(tag.src).origin;

function Parley(element: Element | null, options: Options): Widget {
  return createParley(element, options, origin);
}

declare global {
  var Parley: (element: Element | null, options: Options) => Widget;
}

globalThis.Parley = Parley;

function autoStart(): void {
  const { tokenUrl, page, server } = tag?.dataset ?? {};
  if (tokenUrl === undefined) return;
  Parley(null, {
    getToken: tokenFrom(tokenUrl),
    ...(page === undefined ? {} : { page }),
    ...(server === undefined ? {} : { server }),
  });
}

if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", autoStart, { once: true });
else autoStart();
