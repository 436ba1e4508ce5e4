/** The demo's page around the widget: who reads, for which tenant, and what has been counted. */
import type { Options, Widget } from "../src/embed/options";

declare const Parley: (element: Element | null, options: Options) => Widget;

const TENANTS = ["acme", "globex"] as const;
const READERS = ["Ann", "Bo", "Chen", "Dilnoza", "Emeka", "Fatima", "Goran", "Hana"] as const;
/** The ledger's figures are at most a few seconds old; asking more often shows nothing new. */
const POLL_MS = 2_000;

interface Counted {
  messages: number;
  bytes: number;
}
interface Usage {
  asOf: number;
  pubSubMessageCount: number;
  pubSubBandwidth: number;
  classes: Record<string, Counted>;
}

const query = new URLSearchParams(location.search);
const reader = query.get("reader") ?? READERS[0];
const tenant = TENANTS.find((known) => known === query.get("tenant")) ?? TENANTS[0];
/** Another edition of the same article is another page, with discussions of its own. */
const edition = query.get("edition") ?? "federalist-10";
const role = query.get("role") ?? "";

async function token(scope: string): Promise<string> {
  const wish = new URLSearchParams({ tenant, reader, role, scope });
  const response = await fetch(`/demo/token?${wish}`, { cache: "no-store" });
  if (!response.ok) throw new Error(`The demo gave no token (${response.status}).`);
  return ((await response.json()) as { token: string }).token;
}

function element<T extends HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`The page has no #${id}.`);
  return found as T;
}

function address(changes: Record<string, string>): string {
  const next = new URLSearchParams({ reader, tenant, ...(query.has("edition") ? { edition } : {}), ...changes });
  return `?${next}`;
}

function link(id: string, href: string, text?: string): void {
  const anchor = element<HTMLAnchorElement>(id);
  anchor.href = href;
  if (text !== undefined) anchor.textContent = text;
}

const other = TENANTS.find((known) => known !== tenant) ?? tenant;
const next = READERS[(READERS.findIndex((known) => known === reader) + 1) % READERS.length] ?? READERS[1];
element("reader").textContent = reader;
element("tenant").textContent = tenant;
link("another", address({ reader: next }), `Open as another reader: ${next}`);
link("other-tenant", address({ tenant: other }), `Switch to ${other}`);

Parley(null, {
  // The same for all readers of this tenant: who reads is not part of what is read.
  page: `https://${tenant}.example/${edition}`,
  getToken: () => token(""),
  topBar: element("parley-bar"),
  root: element("article"),
});

const number = new Intl.NumberFormat();

function size(bytes: number): string {
  if (bytes < 1_000) return `${number.format(bytes)} B`;
  const [value, unit] = bytes < 1e6 ? [bytes / 1e3, "kB"] : [bytes / 1e6, "MB"];
  return `${new Intl.NumberFormat(undefined, { maximumSignificantDigits: 4 }).format(value)} ${unit}`;
}

function put(id: string, text: string): void {
  const target = element(id);
  if (target.textContent === text) return;
  target.textContent = text;
  target.classList.remove("ticked");
  requestAnimationFrame(() => target.classList.add("ticked"));
}

function show(usage: Usage): void {
  put("messages", number.format(usage.pubSubMessageCount));
  put("bytes", size(usage.pubSubBandwidth));
  const rows = Object.entries(usage.classes).map(([name, { messages, bytes }]) => {
    const row = document.createElement("tr");
    const head = document.createElement("th");
    head.scope = "row";
    head.textContent = name;
    const cells = [number.format(messages), size(bytes)].map((text) => {
      const cell = document.createElement("td");
      cell.textContent = text;
      return cell;
    });
    row.append(head, ...cells);
    return row;
  });
  element("classes").replaceChildren(...rows);
  const asOf = element("as-of");
  asOf.textContent = `As of ${new Date(usage.asOf).toLocaleTimeString()}`;
}

let usageToken: string | null = null;

async function poll(): Promise<void> {
  try {
    if (document.visibilityState === "visible") {
      usageToken ??= await token("usage:read");
      const response = await fetch("/v1/usage", { headers: { authorization: `Bearer ${usageToken}` }, cache: "no-store" });
      if (response.status === 401) usageToken = null;
      else if (response.ok) show((await response.json()) as Usage);
      else element("as-of").textContent = "Usage cannot be read at the moment; trying again.";
    }
  } catch {
    element("as-of").textContent = "Usage cannot be reached at the moment; trying again.";
  } finally {
    setTimeout(() => void poll(), POLL_MS);
  }
}

void poll();
