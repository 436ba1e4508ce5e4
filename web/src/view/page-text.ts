import { describe } from "../anchoring/describe";
import { Haystack } from "../anchoring/haystack";
import { type Location, unmoved } from "../anchoring/unmoved";
import { KnownNodes, TextIndex } from "../anchoring/text-index";
import type { Anchor } from "../wire/frames";
import { loaded } from "./lazy";

/** The text is read again so long after the first change, with all that changed meanwhile. */
const SETTLE_MS = 200;
/** One turn looks for anchors this long; those left wait for the next, the nearest to the reader first. */
const SLICE_MS = 8;
/** While anchors are looked for, what was found is shown so often. */
const SHOW_MS = 200;
/** An anchor this near to a change is looked for again; within so much text around it, if the change is small. */
const NEAR = 64;
const AROUND = 3_000;

/** Where an anchor is, or, until it was looked for, where it was when it was made. */
export type Placed = Location | { readonly state: "pending"; readonly start: number; readonly end: number };

interface Known {
  readonly anchor: Anchor;
  readonly place: Placed;
  /** To be looked for, or looked for again. */
  readonly stale: boolean;
}

/** Changed attributes that are looked at, at most: of a page that animates more, those that come first. */
const MOST_ATTRIBUTES = 200;
/** Reading a text of so many characters word by word takes so long that it is done in slices. */
const LARGE = 100_000;

const WATCHED = { childList: true, characterData: true, attributeFilter: ["class", "style", "hidden", "open", "slot"], subtree: true };

/** The text under discussion, as it is now: describes selections, finds anchors, notices changes. */
export class PageText {
  #index: TextIndex;
  #haystack: Haystack | null = null;
  #known = new Map<string, Known>();
  #ranges = new WeakMap<Placed, Range>();
  readonly #nodes: KnownNodes;
  #search: ((anchor: Anchor, page: Haystack | string) => Location) | null = null;
  #fetching: Promise<unknown> | undefined;
  #observer: MutationObserver;
  /** Elements whose attributes changed since the text was read. */
  #touched = new Set<Element>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #turn: ReturnType<typeof setTimeout> | undefined;
  #changes = false;
  #spent = 0;
  #shown = 0;

  constructor(
    readonly root: Element,
    isOurs: (element: Element) => boolean,
    private readonly onChange: () => void,
  ) {
    this.#nodes = new KnownNodes((element) => isOurs(element) || isHidden(element));
    this.#index = new TextIndex(root, this.#nodes, () => true);
    this.#observer = new MutationObserver((records) => {
      for (const { type, target } of records) if (type === "attributes" && this.#touched.size < MOST_ATTRIBUTES) this.#touched.add(target as Element);
      this.#later(records.some(({ type }) => type !== "attributes"));
    });
    this.#observer.observe(root, WATCHED);
    this.#turn = setTimeout(() => this.#look());
  }

  /** The shadow roots that hold some of the text. */
  get shadows(): readonly ShadowRoot[] {
    return this.#index.shadows;
  }

  /** What stands at a place now. */
  words({ start = 0, ...place }: Placed): string {
    return this.#index.text.slice(start, "end" in place ? place.end : start);
  }

  /** Where an anchor is. A few are looked for at once; where there are many, the rest comes with a later change. */
  locate(id: string, anchor: Anchor): Placed {
    const known = this.#known.get(id);
    if (known?.anchor === anchor) return known.place;
    this.#turn ??= setTimeout(() => this.#look());
    if (this.#haystack !== null && this.#haystack.raw.length < LARGE && this.#spent < SLICE_MS) return this.#find(id, anchor, this.#haystack);
    return this.#keep(id, anchor, { state: "pending", ...anchor.position }, true);
  }

  #find(id: string, anchor: Anchor, haystack: Haystack): Placed {
    const began = performance.now();
    const place = unmoved(anchor, haystack) ?? this.#searched(anchor, haystack);
    this.#spent += performance.now() - began;
    return this.#keep(id, anchor, place ?? { state: "pending", ...anchor.position }, place === null);
  }

  /** Where an anchor went on a page that has changed; what finds that is a part of its own, and `null` until it is here. */
  #searched(anchor: Anchor, haystack: Haystack | string): Location | null {
    if (this.#search !== null) return this.#search(anchor, haystack);
    this.#fetching ??= loaded(import("../anchoring/locate"))
      .then((search) => {
        this.#search = search;
        this.#turn ??= setTimeout(() => this.#look());
      }, () => {})
      .finally(() => (this.#fetching = undefined));
    return null;
  }

  #keep(id: string, anchor: Anchor, place: Placed, stale: boolean): Placed {
    this.#known.set(id, { anchor, place, stale });
    return place;
  }

  /** All of the text, read to its end. */
  #read(): Haystack {
    this.#index.read();
    if (this.#haystack === null) {
      this.#haystack = new Haystack(this.#index.text);
      for (const shadow of this.#index.shadows) this.#observer.observe(shadow, WATCHED);
    }
    return this.#haystack;
  }

  /** Reads the text, then looks for the anchors that wait: for a slice of time, and again in the next turn if more is to do. */
  #look(): void {
    this.#turn = undefined;
    this.#spent = 0;
    const end = performance.now() + SLICE_MS;
    const pause = (): boolean => performance.now() > end;
    const again = (): void => {
      this.#turn ??= setTimeout(() => this.#look());
    };
    if (!this.#index.read(pause)) return again();
    const waiting = [...this.#known].filter(([, { stale }]) => stale);
    if (this.#haystack !== null && waiting.length === 0) return;
    const haystack = this.#read();
    if (waiting.length > 0 && haystack.raw.length > LARGE && !haystack.prepare(pause)) return again();
    const here = this.offsetAtPoint(innerWidth / 2, innerHeight / 2) ?? 0;
    const far = ([, { place }]: [string, Known]): number => Math.abs((place.start ?? 0) - here);
    waiting.sort((a, b) => far(b) - far(a));
    while (waiting.length > 0 && !pause()) {
      const [id, { anchor }] = waiting.pop() as [string, Known];
      this.#find(id, anchor, haystack);
    }
    if (waiting.length > 0) again();
    if (waiting.length > 0 && performance.now() - this.#shown < SHOW_MS) return;
    this.#shown = performance.now();
    this.onChange();
  }

  #later(sure: boolean): void {
    this.#changes ||= sure;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      if (this.#uncovered() || this.#changes) this.#changed();
    }, SETTLE_MS);
  }

  /** Whether an element whose attributes changed is hidden now and was not, or the other way round. */
  #uncovered(): boolean {
    let changed = false;
    for (const element of this.#touched) {
      const before = this.#nodes.isSkipped(element);
      this.#nodes.forget(element);
      changed ||= this.#nodes.isSkipped(element) !== before;
    }
    this.#touched.clear();
    return changed;
  }

  /** Reads the text again. What stands far from the change moved along with it; the rest is looked for again. */
  #changed(): void {
    if (this.#haystack === null) return this.#later(true); // still reading
    this.#changes = false;
    const before = this.#index;
    this.#index = new TextIndex(this.root, this.#nodes);
    for (const shadow of this.#index.shadows) this.#observer.observe(shadow, WATCHED);
    const { text } = this.#index;
    const [from, until] = this.#index.difference(before);
    const by = text.length - before.text.length;
    if (by !== 0 || text.slice(from, until) !== before.text.slice(from, until)) {
      this.#haystack = this.#haystack.changed(text, from, until);
      for (const [id, { anchor, place, stale }] of this.#known) {
        const followed = this.#follow(anchor, place, from, until, by);
        const lost = followed.state !== "anchored" && followed.state !== "changed";
        if (followed !== place || (lost && !stale)) this.#keep(id, anchor, followed, lost);
      }
      this.#turn ??= setTimeout(() => this.#look());
    }
    this.onChange();
  }

  #follow(anchor: Anchor, place: Placed, from: number, until: number, by: number): Placed {
    if (place.state === "orphan" || place.end + NEAR < from) return place;
    if (place.start - NEAR > until) {
      const moved = shifted(place, by);
      const range = this.#ranges.get(place);
      if (range !== undefined) this.#ranges.set(moved, range);
      return moved;
    }
    // The change touched it: it is near by, or is looked for on the whole page.
    const low = Math.max(0, place.start - AROUND);
    const window = this.#index.text.slice(low, place.end + by + AROUND);
    const found = until - from < AROUND ? this.#searched({ ...anchor, position: shifted(place, -low) }, window) : null;
    if (found?.state === "anchored" || found?.state === "changed") return shifted(found, low);
    return { state: "pending", start: place.start, end: place.end };
  }

  range(place: Placed): Range | null {
    if (place.state === "orphan" || place.state === "pending") return null;
    const known = this.#ranges.get(place);
    // Whoever replaces nodes, or a node's text, leaves the range empty or beside the text.
    if (known !== undefined && !known.collapsed && known.startContainer.nodeType + known.endContainer.nodeType === 6) return known;
    const range = this.#index.range(place.start, place.end);
    if (range !== null) this.#ranges.set(place, range);
    return range;
  }

  describe(range: AbstractRange): Anchor | null {
    const inside = this.#holds(range.startContainer) || this.#holds(range.endContainer);
    return inside ? describe(range, this.#index, this.#read()) : null;
  }

  #holds(node: Node): boolean {
    const tree = node.getRootNode();
    return this.root.contains(node) || this.shadows.includes(tree as ShadowRoot);
  }

  /** The offset of the character at a point of the window, or `null` beside the text. */
  offsetAtPoint(x: number, y: number): number | null {
    const at = caretAt(x, y, this.shadows);
    if (at === null || !this.#holds(at.node)) return null;
    return this.#index.offsetAt(at.node, at.offset);
  }

  destroy(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#turn);
    this.#turn = -1 as never; // nothing is looked for any more
    this.#observer.disconnect();
  }

}

function shifted<Where extends { readonly start: number; readonly end: number }>(place: Where, by: number): Where {
  return { ...place, start: place.start + by, end: place.end + by };
}

function isHidden(element: Element): boolean {
  if (typeof element.checkVisibility !== "function" || element.checkVisibility()) return false;
  // Without a box it may have visible children; what is folded away (`<details>`) or not drawn yet is still read.
  return getComputedStyle(element).display === "none";
}

function caretAt(x: number, y: number, shadowRoots: readonly ShadowRoot[]): { node: Node; offset: number } | null {
  if (typeof document.caretPositionFromPoint === "function") {
    const caret = document.caretPositionFromPoint(x, y, { shadowRoots: [...shadowRoots] });
    return caret === null ? null : { node: caret.offsetNode, offset: caret.offset };
  }
  const range = document.caretRangeFromPoint?.(x, y) ?? null;
  return range === null ? null : { node: range.startContainer, offset: range.startOffset };
}
