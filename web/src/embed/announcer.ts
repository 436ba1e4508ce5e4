import type { Client } from "../connection/client";
import type { PageView } from "../connection/page-session";
import { connection } from "../view/top-bar";
import type { PageEvent } from "../wire/frames";
import type { ParleyEvents } from "./options";

/** Tells the host page what happens, as events on the element that it gave. */
export class Announcer {
  #ready: string | null = null;
  #count = "";
  #state = "";

  constructor(private readonly place: Element) {}

  /** Compares what is shown with what was told last. */
  look(client: Client, page: string, view: PageView): void {
    const state = connection(client.state, view.phase === "joined");
    if (state !== this.#state) {
      this.#state = state;
      this.#tell("parley:state", { state });
    }
    if (!view.loaded || client.reader === null) return;
    if (this.#ready !== page) {
      this.#ready = page;
      const { id, name, role } = client.reader;
      this.#tell("parley:ready", { page, reader: { id, role, ...(name !== undefined && { name }) } });
    }
    const count = { page, discussions: view.chats.length, readers: view.readers };
    if (JSON.stringify(count) === this.#count) return;
    this.#count = JSON.stringify(count);
    this.#tell("parley:count", count);
  }

  event(page: string, event: PageEvent, me: string | undefined): void {
    if (event.event !== "new-text-chat") return;
    const { id, by } = event.chat;
    this.#tell("parley:chat-created", { page, id, by: by.id, own: by.id === me });
  }

  error({ code, message, help }: ParleyEvents["parley:error"]): void {
    this.#tell("parley:error", { code, message, ...(help && { help }) });
  }

  #tell<Name extends keyof ParleyEvents>(name: Name, detail: ParleyEvents[Name]): void {
    this.place.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }
}
