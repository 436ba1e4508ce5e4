/** Parameters that say where a visitor came from, not what the page is. */
const TRACKING = /^(utm_.*|gclid|gbraid|wbraid|dclid|fbclid|msclkid|yclid|twclid|ttclid|igshid|mc_cid|mc_eid|_hs.*|vero_id|oly_.*)$/i;

/** The longest page id on the wire, in bytes of UTF-8. */
export const MAX_PAGE_BYTES = 512;

/**
 * The id of the page at an address: without fragment and tracking parameters. Everybody on the same page must
 * get the same one. An address that is too long loses its query; longer still is an error.
 */
export function pageId(address: string): string {
  const url = new URL(address);
  url.hash = "";
  for (const name of [...url.searchParams.keys()]) if (TRACKING.test(name)) url.searchParams.delete(name);
  if (bytes(url.href) > MAX_PAGE_BYTES) url.search = "";
  if (bytes(url.href) > MAX_PAGE_BYTES) throw new Error("Parley: this page's address is too long for a page id; pass `page` yourself.");
  return url.href;
}

function bytes(text: string): number {
  return new TextEncoder().encode(text).length;
}
