/** Our names in the document's registry of highlights; everybody else's stay untouched. */
const NAMES = { open: "parley-open", resolved: "parley-resolved", uncertain: "parley-uncertain", active: "parley-active" } as const;
export type HighlightKind = keyof typeof NAMES;

const SHEET = `
::highlight(parley-open) { background-color: rgb(255 205 60 / 0.32); text-decoration: underline 2px rgb(214 158 0 / 0.75); }
::highlight(parley-resolved) { background-color: rgb(125 125 125 / 0.1); text-decoration: underline 1px dotted rgb(125 125 125 / 0.7); }
::highlight(parley-uncertain) { background-color: rgb(255 205 60 / 0.14); text-decoration: underline 2px dashed rgb(214 158 0 / 0.75); }
::highlight(parley-active) { background-color: rgb(255 190 30 / 0.62); text-decoration: underline 2px rgb(180 120 0); }
`;

let sheet: CSSStyleSheet | null = null;
let users = 0;
/** Shadow roots of the page that have the sheet. */
const adopted = new Set<ShadowRoot>();

/** Paints ranges without touching the document's nodes. Where the browser cannot, nothing is painted: the list remains. */
export class Highlights {
  readonly supported = typeof Highlight === "function" && typeof CSS !== "undefined" && "highlights" in CSS;
  readonly #painted = new Map<HighlightKind, Range[]>();
  #live = true;

  constructor() {
    if (!this.supported) return;
    if (sheet === null) {
      sheet = new CSSStyleSheet();
      sheet.replaceSync(SHEET);
    }
    users += 1;
    if (users === 1) document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  }

  /** Replaces what this widget paints of one kind; another widget on the page keeps its own. */
  paint(kind: HighlightKind, ranges: Range[]): void {
    if (!this.supported || !this.#live) return;
    const painted = this.#painted.get(kind) ?? [];
    if (painted.length === ranges.length && ranges.every((range, at) => range === painted[at])) return;
    const name = NAMES[kind];
    let highlight = CSS.highlights.get(name);
    for (const range of painted) highlight?.delete(range);
    if (ranges.length > 0 && highlight === undefined) {
      highlight = new Highlight();
      highlight.priority = kind === "active" ? 2 : kind === "open" ? 1 : 0;
      CSS.highlights.set(name, highlight);
    }
    for (const range of ranges) highlight?.add(range);
    if (highlight?.size === 0) CSS.highlights.delete(name);
    this.#painted.set(kind, ranges);
  }

  /** Shadow trees have styles of their own: what is marked in them needs ours. */
  adopt(shadows: readonly ShadowRoot[]): void {
    if (!this.supported || !this.#live) return;
    for (const shadow of shadows) {
      if (sheet === null || adopted.has(shadow)) continue;
      shadow.adoptedStyleSheets = [...shadow.adoptedStyleSheets, sheet];
      adopted.add(shadow);
    }
  }

  destroy(): void {
    for (const kind of Object.keys(NAMES) as HighlightKind[]) this.paint(kind, []);
    if (this.supported && this.#live) {
      users -= 1;
      if (users === 0) {
        for (const place of [document, ...adopted]) place.adoptedStyleSheets = place.adoptedStyleSheets.filter((other) => other !== sheet);
        adopted.clear();
      }
    }
    this.#live = false;
  }
}
