import type { GetToken } from "../connection/environment";
import type { Directory } from "../view/model";

/** What a page says about the widget that it embeds. */
export interface Options {
  /** Gets a token for the present reader from your own server; `reason` is `start`, `refused` or `renew`. Asked again when the last one was refused or runs out. */
  readonly getToken: GetToken;
  /** Where Parley runs, such as `https://parley.example`. Default: where this script came from. */
  readonly server?: string;
  /** The page's id, the same for all of its readers; 1–512 bytes. Default: its address without fragment and tracking parameters, also after it changes without loading. */
  readonly page?: string;
  /** Where the bar goes: into your own element, floating (`true`, the default), or nowhere (`false`). */
  readonly topBar?: Element | boolean;
  /** The element whose text is under discussion. Default: the document's body. */
  readonly root?: Element;
  /** The widget's language, such as `de` or `de-AT`: en, ru, de, es, fr, ja or ar, else English. Default: that of the page (`<html lang>`). */
  readonly lang?: string;
  /** `light` or `dark`. Default: what the reader's system prefers. */
  readonly theme?: string;
  /** Whom a reader may mention: people whose name may begin as was typed after `@`. Default: those who wrote on this page. */
  readonly mentions?: Directory;
  /** Sends a new W3C `traceparent` with each change, for the traces of the gateways; 72 bytes, which are billed. Default: `false`. */
  readonly trace?: boolean;
}

/** What `Parley(element, options)` answers. */
export interface Widget {
  /** Changes options; those left out stay as they are. The connection stays unless `server` or `getToken` changes. */
  update(options: Partial<Options>): void;
  /** Removes the widget and everything it did: connection, elements, highlights, listeners, timers. */
  destroy(): void;
}

/** The events that the widget sends to the element it was given (the body, for `null`); they bubble. */
export interface ParleyEvents {
  /** The page's discussions are here for the first time. */
  readonly "parley:ready": { readonly page: string; readonly reader: { readonly id: string; readonly name?: string; readonly role: string } };
  /** The number of discussions or of present readers (`null` while offline) has changed. */
  readonly "parley:count": { readonly page: string; readonly discussions: number; readonly readers: number | null };
  /** Somebody started a discussion; `own` when it was this reader. */
  readonly "parley:chat-created": { readonly page: string; readonly id: string; readonly by: string; readonly own: boolean };
  /** The connection is `live`, `connecting`, `offline` or `stopped` (it will not come back by itself). */
  readonly "parley:state": { readonly state: "live" | "connecting" | "offline" | "stopped" };
  /** Something did not work. `code` is one of the protocol's errors, or `no-token` when `getToken` failed. */
  readonly "parley:error": { readonly code: string; readonly message: string; readonly help?: string };
}

declare global {
  interface HTMLElementEventMap extends ParleyEventMap {}
  interface DocumentEventMap extends ParleyEventMap {}
}

export type ParleyEventMap = { readonly [Name in keyof ParleyEvents]: CustomEvent<ParleyEvents[Name]> };
