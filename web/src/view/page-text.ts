import { describe } from "../anchoring/describe";
import { type Location, locate } from "../anchoring/locate";
import { Haystack } from "../anchoring/haystack";
import { TextIndex } from "../anchoring/text-index";
import type { Anchor } from "../wire/frames";

/** Changes of the document settle for this long before its text is read again. */
const SETTLE_MS = 200;

/** The text under discussion, as it is now: describes selections, finds anchors, notices changes. */
export class PageText {
  #index: TextIndex;
  #haystack: Haystack;
  #known = new Map<string, { anchor: Anchor; location: Location }>();
  #observer: MutationObserver;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly root: Element,
    private readonly isOurs: (element: Element) => boolean,
    onChange: () => void,
  ) {
    this.#index = this.#read();
    this.#haystack = new Haystack(this.#index.text);
    this.#observer = new MutationObserver(() => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => {
        const before = this.#index.text;
        this.#index = this.#read();
        if (this.#index.text !== before) {
          this.#known.clear();
          this.#haystack = new Haystack(this.#index.text);
        }
        onChange();
      }, SETTLE_MS);
    });
    this.#observer.observe(root, { childList: true, characterData: true, subtree: true });
  }

  /** Where an anchor is; looked for once for every state of the text. */
  locate(id: string, anchor: Anchor): Location {
    const known = this.#known.get(id);
    if (known?.anchor === anchor) return known.location;
    const location = locate(anchor, this.#haystack);
    this.#known.set(id, { anchor, location });
    return location;
  }

  range(location: Location): Range | null {
    return location.state === "orphan" ? null : this.#index.range(location.start, location.end);
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
    this.#observer.disconnect();
  }

  #read(): TextIndex {
    return new TextIndex(this.root, (element) => this.isOurs(element) || isHidden(element));
  }
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
  const range = document.caretRangeFromPoint(x, y);
  return range === null ? null : { node: range.startContainer, offset: range.startOffset };
}
