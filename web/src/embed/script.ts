/**
 * The script tag: sets the global `Parley`, runs what the page queued before, and starts by itself where the tag says how
 * to get a token.
 */
import { defineElement } from "./element";
import type { Options, Widget } from "./options";
import { createParley } from "./parley";
import { fromTag } from "./tag";

interface Parley {
  (element: Element | null, options: Options): Widget;
  /** Before the script is here: functions that wait for it. After: run at once. */
  queue: { push(...waiting: ((parley: Parley) => void)[]): void };
}

declare global {
  var Parley: Parley;
}

const tag = document.currentScript instanceof HTMLScriptElement ? document.currentScript : null;
const origin = tag === null || tag.src === "" ? null : new URL(tag.src).origin;

const run = (waiting: (parley: Parley) => void): void => waiting(parley);
const parley: Parley = Object.assign((element: Element | null, options: Options) => createParley(element, options, origin), {
  queue: { push: (...waiting: ((parley: Parley) => void)[]) => waiting.forEach(run) },
});
const before = (globalThis.Parley as { queue?: unknown } | undefined)?.queue;
globalThis.Parley = parley;

function start(): void {
  defineElement(origin);
  const options = fromTag(tag?.dataset ?? {});
  if (options !== null) parley(null, options);
  if (Array.isArray(before)) before.forEach(run);
}

if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start, { once: true });
else start();
