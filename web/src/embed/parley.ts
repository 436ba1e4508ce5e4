import { Client } from "../connection/client";
import type { GetToken } from "../connection/environment";
import { browserEnvironment } from "../host/browser-environment";
import { pageId } from "../host/page-id";
import { listen } from "../host/signals";
import { follow } from "../view/gestures";
import { Model } from "../view/model";
import { isOurs, mount } from "../view/mount";
import { PageText } from "../view/page-text";
import { english } from "../view/strings";

export interface Options {
  /** Where Parley runs, such as `https://parley.example`. Default: where this script came from. */
  readonly server?: string;
  /** The page's id, the same for all of its readers; 1–512 bytes. Default: its address without fragment and tracking parameters. */
  readonly page?: string;
  /** Gets a token for the present reader from your own server. Asked again when the last one was refused or runs out. */
  readonly getToken: GetToken;
  /** Where the bar goes: into your own element, floating (`true`, the default), or nowhere (`false`). */
  readonly topBar?: Element | boolean;
  /** The element whose text is under discussion. Default: the document's body. */
  readonly root?: Element;
}

export interface Widget {
  /** Changes options; those left out stay as they are. */
  update(options: Partial<Options>): void;
  /** Removes the widget and everything it did: connection, elements, highlights, listeners. */
  destroy(): void;
}

/**
 * Puts discussions on this page. `element` is where the widget's own element goes; it is positioned by itself,
 * so `null` (the end of the body) suits most pages.
 */
export function createParley(element: Element | null, options: Options, scriptOrigin: string | null): Widget {
  let current = options;
  let stop = start(element, current, scriptOrigin);
  return {
    update(changed) {
      stop();
      current = { ...current, ...changed };
      stop = start(element, current, scriptOrigin);
    },
    destroy() {
      stop();
      stop = () => {};
    },
  };
}

/** "2 minutes ago" is drawn anew this often. */
const AGES_MS = 30_000;

function start(element: Element | null, options: Options, scriptOrigin: string | null): () => void {
  const server = options.server ?? scriptOrigin;
  if (server === null) throw new Error("Parley: pass `server`, the address where Parley runs.");
  if (typeof options.getToken !== "function") throw new Error("Parley: pass `getToken`, a function that gets a token for the reader.");
  const page = options.page ?? pageId(location.href);
  let model: Model | null = null;
  const client = new Client(browserEnvironment, liveAddress(server), options.getToken, {
    onChange: () => model?.refresh(),
    onTyping: (_, chat, reader) => model?.someoneTypes(chat, reader),
  });
  const text = new PageText(options.root ?? document.body, isOurs, () => model?.refresh());
  model = new Model(client, page, text);
  client.open(page);
  model.refresh();
  const unmount = mount(model, english, element ?? document.body, options.topBar ?? true);
  const undo = [unmount, follow(model), listen(client), () => model?.destroy(), () => text.destroy(), () => client.stop()];
  const clock = setInterval(() => model?.refresh(), AGES_MS);
  undo.push(() => clearInterval(clock));
  client.start();
  return () => {
    for (const step of undo) step();
  };
}

/** `https://parley.example` → `wss://parley.example/v1/live`. */
function liveAddress(server: string): string {
  const url = new URL("/v1/live", new URL(server, location.href));
  url.protocol = url.protocol === "http:" ? "ws:" : "wss:";
  return url.href;
}
