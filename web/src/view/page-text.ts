import { describe } from "../anchoring/describe";
import { Haystack } from "../anchoring/haystack";
import { type Location, locate } from "../anchoring/locate";
import { TextIndex } from "../anchoring/text-index";
import type { Anchor } from "../wire/frames";

/** Changes of the document settle for this long before its text is read again. */
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

/** The text under discussion, as it is now: describes selections, finds anchors, notices changes. */
export class PageText {
  #index: TextIndex;
  #haystack: Haystack;
  #known = new Map<string, Known>();
  #ranges = new WeakMap<Placed, Range>();
  #observer: MutationObserver;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #turn: ReturnType<typeof setTimeout> | undefined;
  #spent = 0;
  #shown = 0;

  constructor(
    readonly root: Element,
    private readonly isOurs: (element: Element) => boolean,
    private readonly onChange: () => void,
  ) {
    this.#index = this.#read();
    this.#haystack = new Haystack(this.#index.text);
    this.#observer = new MutationObserver(() => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#changed(), SETTLE_MS);
    });
    this.#observer.observe(root, { childList: true, characterData: true, subtree: true });
  }

  /** Where an anchor is. A few are looked for at once; where there are many, the rest comes with a later change. */
  locate(id: string, anchor: Anchor): Placed {
    const known = this.#known.get(id);
    if (known?.anchor === anchor) return known.place;
    this.#turn ??= setTimeout(() => this.#look());
    if (this.#spent < SLICE_MS) return this.#find(id, anchor);
    return this.#keep(id, anchor, { state: "pending", ...anchor.position }, true);
  }

  #find(id: string, anchor: Anchor): Placed {
    const began = performance.now();
    const place = locate(anchor, this.#haystack);
    this.#spent += performance.now() - began;
    return this.#keep(id, anchor, place, false);
  }

  #keep(id: string, anchor: Anchor, place: Placed, stale: boolean): Placed {
    this.#known.set(id, { anchor, place, stale });
    return place;
  }

  /** Looks for the anchors that wait, for a slice of time, and again in the next turn if any are left. */
  #look(): void {
    this.#turn = undefined;
    this.#spent = 0;
    const here = this.offsetAtPoint(innerWidth / 2, innerHeight / 2) ?? 0;
    const far = ([, { place }]: [string, Known]): number => Math.abs((place.start ?? 0) - here);
    const waiting = [...this.#known].filter(([, { stale }]) => stale).sort((a, b) => far(b) - far(a));
    if (waiting.length === 0) return;
    while (waiting.length > 0 && this.#spent < SLICE_MS) {
      const [id, { anchor }] = waiting.pop() as [string, Known];
      this.#find(id, anchor);
    }
    if (waiting.length > 0) this.#turn = setTimeout(() => this.#look());
    if (waiting.length > 0 && performance.now() - this.#shown < SHOW_MS) return;
    this.#shown = performance.now();
    this.onChange();
  }

  /** Reads the text again. What stands far from the change moved along with it; the rest is looked for again. */
  #changed(): void {
    const before = this.#index.text;
    this.#index = this.#read();
    const { text } = this.#index;
    if (text !== before) {
      this.#haystack = new Haystack(text);
      const [from, until] = difference(before, text);
      for (const [id, { anchor, place }] of this.#known) {
        const followed = this.#follow(anchor, place, from, until, text.length - before.length);
        this.#keep(id, anchor, followed, followed.state !== "anchored" && followed.state !== "changed");
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
    const found = until - from < AROUND ? locate({ ...anchor, position: shifted(place, -low) }, window) : null;
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

  describe(range: Range): Anchor | null {
    const inside = this.root.contains(range.startContainer) || this.root.contains(range.endContainer);
    return inside ? describe(range, this.#index, this.#haystack) : null;
  }

  /** The offset of the character at a point of the window, or `null` beside the text. */
  offsetAtPoint(x: number, y: number): number | null {
    const at = caretAt(x, y);
    if (at === null || !this.root.contains(at.node)) return null;
    return this.#index.offsetAt(at.node, at.offset);
  }

  destroy(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#turn);
    this.#observer.disconnect();
  }

  #read(): TextIndex {
    return new TextIndex(this.root, (element) => this.isOurs(element) || isHidden(element));
  }
}

function shifted<Where extends { readonly start: number; readonly end: number }>(place: Where, by: number): Where {
  return { ...place, start: place.start + by, end: place.end + by };
}

/** The part of a text that is not as it was: from an offset of both to before an offset of the old one. */
function difference(before: string, now: string): readonly [from: number, until: number] {
  let from = 0;
  while (from < before.length && before[from] === now[from]) from += 1;
  let same = 0;
  while (same < Math.min(before.length, now.length) - from && before.at(-1 - same) === now.at(-1 - same)) same += 1;
  return [from, before.length - same];
}

function isHidden(element: Element): boolean {
  if (typeof element.checkVisibility !== "function" || element.checkVisibility()) return false;
  // An element without a box of its own may still have visible children.
  return getComputedStyle(element).display !== "contents";
}

function caretAt(x: number, y: number): { node: Node; offset: number } | null {
  if (typeof document.caretPositionFromPoint === "function") {
    const caret = document.caretPositionFromPoint(x, y);
    return caret === null ? null : { node: caret.offsetNode, offset: caret.offset };
  }
  const range = document.caretRangeFromPoint?.(x, y) ?? null;
  return range === null ? null : { node: range.startContainer, offset: range.startOffset };
}
