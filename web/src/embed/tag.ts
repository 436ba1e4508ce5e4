import type { GetToken } from "../connection/environment";
import { tokenFrom } from "../host/token";
import type { Options } from "./options";

/** The `data-` attributes of the script tag, which are also (without `data-`) those of the custom element. */
export interface TagOptions {
  /** Address on your server that answers `{"token": "…"}` for whoever is logged in. With it the script starts by itself. */
  readonly tokenUrl?: string;
  /** As the option of that name. */
  readonly server?: string;
  /** As the option of that name. */
  readonly page?: string;
  /** `none`, or a selector of the element for the bar. Default: floating. */
  readonly topBar?: string;
  /** Selector of the element whose text is under discussion. Default: the body. */
  readonly root?: string;
  /** As the option of that name. */
  readonly lang?: string;
  /** As the option of that name. */
  readonly theme?: string;
  /** As the option of that name, unless it is `false`. */
  readonly trace?: string;
}

/** One source for each address, so that the same attributes are the same options. */
const sources = new Map<string, GetToken>();

/** Options from attributes; `null` without an address for tokens. */
export function fromTag(tag: TagOptions): Options | null {
  const { tokenUrl, server, page, topBar, root, lang, theme, trace } = tag;
  if (tokenUrl === undefined) return null;
  const getToken = sources.get(tokenUrl) ?? tokenFrom(tokenUrl);
  sources.set(tokenUrl, getToken);
  return {
    getToken,
    ...(server !== undefined && { server }),
    ...(page !== undefined && { page }),
    ...(lang !== undefined && { lang }),
    ...(theme !== undefined && { theme }),
    trace: (trace ?? "false") !== "false",
    ...(topBar !== undefined && { topBar: topBar !== "none" && wanted(topBar) }),
    ...(root !== undefined && { root: wanted(root) }),
  };
}

function wanted(selector: string): Element {
  const found = document.querySelector(selector);
  if (found === null) throw new Error(`Parley: nothing on this page matches "${selector}".`);
  return found;
}
