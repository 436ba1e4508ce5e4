import { Client } from "../connection/client";
import type { GetToken } from "../connection/environment";
import { browserEnvironment } from "../host/browser-environment";
import { pageId } from "../host/page-id";
import { listen } from "../host/signals";
import { traceparent } from "../host/traceparent";
import { follow } from "../view/gestures";
import { inLanguage } from "../view/language";
import { Model } from "../view/model";
import { isOurs, mount } from "../view/mount";
import { PageText } from "../view/page-text";
import { Announcer } from "./announcer";
import { onNavigation } from "./navigation";
import type { Options, Widget } from "./options";

/** "2 minutes ago" is drawn anew this often. */
const AGES_MS = 30_000;

/**
 * Puts discussions on this page. `element` is where the widget's own element goes; it is positioned by itself,
 * so `null` (the end of the body) suits most pages.
 */
export function createParley(element: Element | null, options: Options, scriptOrigin: string | null): Widget {
  const place = element ?? document.body;
  let current = options;
  let connection: Connection | null = connect(place, current, scriptOrigin);
  /** Without a page of its own it follows the address. */
  const moved = (): void => {
    if (connection === null || current.page !== undefined || pageId(location.href) === connection.model?.page) return;
    hide();
    hide = show(connection, place, current, moved);
  };
  let hide = show(connection, place, current, moved);
  const unfollow = onNavigation(moved);
  return {
    update(changed) {
      if (connection === null) return;
      const next = { ...current, ...changed };
      hide();
      if (next.server !== current.server || next.getToken !== current.getToken) {
        connection.close();
        connection = connect(place, next, scriptOrigin);
      }
      current = next;
      hide = show(connection, place, current, moved);
    },
    destroy() {
      unfollow();
      hide();
      hide = () => {};
      connection?.close();
      connection = null;
    },
  };
}

interface Connection {
  readonly client: Client;
  readonly announcer: Announcer;
  model: Model | null;
  close(): void;
}

function connect(place: Element, options: Options, scriptOrigin: string | null): Connection {
  const server = options.server ?? scriptOrigin;
  if (server === null) throw new Error("Parley: pass `server`, the address where Parley runs.");
  if (typeof options.getToken !== "function") throw new Error("Parley: pass `getToken`, a function that gets a token for the reader.");
  const address = liveAddress(server);
  const { environment, signals, close } = browserEnvironment(address);
  const announcer = new Announcer(place);
  const client = new Client(environment, address, announced(options.getToken, announcer), {
    onChange: () => connection.model?.refresh(),
    onTyping: (_, chat, reader) => connection.model?.someoneTypes(chat, reader),
    onEvent: (page, event) => announcer.event(page, event, client.reader?.id),
    onError: (error) => announcer.error(error),
  });
  const stop = listen(client, signals);
  const connection: Connection = {
    client,
    announcer,
    model: null,
    close() {
      stop();
      client.stop();
      close();
    },
  };
  client.start();
  return connection;
}

/** Shows one page's discussions; `moved` looks whether it is still that page. The answer takes them away. */
function show(connection: Connection, place: Element, options: Options, moved: () => void): () => void {
  const { client, announcer } = connection;
  const page = options.page ?? pageId(location.href);
  const text = new PageText(options.root ?? document.body, isOurs, () => {
    model.refresh();
    moved();
  });
  const model = new Model(client, page, text);
  model.directory = options.mentions;
  client.traceparent = options.trace === true ? traceparent : undefined;
  client.open(page);
  model.refresh();
  const unmount = inLanguage(options.lang ?? document.documentElement.lang, (strings) => mount(model, strings, place, options.topBar ?? true, options.theme));
  const stop = [model.subscribe(() => announcer.look(client, page, model.view)), unmount, follow(model)];
  const clock = setInterval(() => model.refresh(), AGES_MS);
  connection.model = model;
  return () => {
    connection.model = null;
    clearInterval(clock);
    for (const step of stop) step();
    model.destroy();
    text.destroy();
    client.leave(page);
  };
}

function announced(getToken: GetToken, announcer: Announcer): GetToken {
  return async (reason) => {
    try {
      return await getToken(reason);
    } catch (error) {
      announcer.error({ code: "no-token", message: error instanceof Error ? error.message : "getToken failed." });
      throw error;
    }
  };
}

/** `https://parley.example` → `wss://parley.example/v1/live`. */
function liveAddress(server: string): string {
  const url = new URL("/v1/live", new URL(server, location.href));
  url.protocol = url.protocol === "http:" ? "ws:" : "wss:";
  return url.href;
}
