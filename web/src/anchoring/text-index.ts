/** Characters that are in the text but not for reading: soft hyphen, zero-width space and joiners' marks, BOM. */
const INVISIBLE = /[\u00AD\u200B\u2060\uFEFF]/;
const SPACE = /\s/;
const SKIPPED = new Set(["SCRIPT", "STYLE", "NOSCRIPT", "TEMPLATE", "TEXTAREA", "SELECT", "OPTION", "IFRAME", "OBJECT", "SVG", "CANVAS", "AUDIO", "VIDEO", "HEAD"]);
/** Elements whose border is a gap between words, whatever the style sheet says. */
const BLOCKS = new Set(
  "ADDRESS ARTICLE ASIDE BLOCKQUOTE BR BUTTON CAPTION DD DETAILS DIALOG DIV DL DT FIELDSET FIGCAPTION FIGURE FOOTER FORM H1 H2 H3 H4 H5 H6 HEADER HGROUP HR LI MAIN NAV OL P PRE SECTION SUMMARY TABLE TBODY TD TFOOT TH THEAD TR UL".split(" "),
);

interface Segment {
  readonly node: Text;
  /** Offset of the node's first character in the normalised text. */
  readonly start: number;
}

/** Whether an element's text is not part of what a reader reads. */
export type Skip = (element: Element) => boolean;

/**
 * The readable text below a root, normalised: NFC, every run of white space one space, blocks apart by one
 * space, nothing hidden. Knows for each of its characters (UTF-16 units) where in the document it stands.
 * A snapshot: build another when the document changes.
 */
export class TextIndex {
  readonly text: string;
  readonly #segments: readonly Segment[];
  readonly #byNode: ReadonlyMap<Text, number>;
  /** For each character, the raw offsets in its node where it begins and ends. */
  readonly #begins: Uint32Array;
  readonly #ends: Uint32Array;

  constructor(readonly root: Element, skip: Skip = () => false) {
    const builder = new Builder();
    walk(root, skip, builder);
    this.text = builder.parts.join("");
    this.#segments = builder.segments;
    this.#byNode = new Map(builder.segments.map((segment, index) => [segment.node, index]));
    this.#begins = Uint32Array.from(builder.begins);
    this.#ends = Uint32Array.from(builder.ends);
  }

  /** The range of the document that holds the characters from `start` to before `end`; `null` for none. */
  range(start: number, end: number): Range | null {
    if (start < 0 || end > this.text.length || start >= end) return null;
    const first = this.#segmentAt(start);
    const last = this.#segmentAt(end - 1);
    if (first === undefined || last === undefined || !first.node.isConnected || !last.node.isConnected) return null;
    const range = this.root.ownerDocument.createRange();
    try {
      range.setStart(first.node, this.#begins[start] ?? 0);
      range.setEnd(last.node, this.#ends[end - 1] ?? 0);
    } catch {
      return null; // the text changed under us; the next index will know
    }
    return range;
  }

  /** The offsets of a range's readable characters, without white space at its ends; `null` if it has none. */
  offsets(range: Range): { start: number; end: number } | null {
    let start = this.#boundary(range.startContainer, range.startOffset);
    let end = this.#boundary(range.endContainer, range.endOffset);
    while (start < end && this.text[start] === " ") start += 1;
    while (end > start && this.text[end - 1] === " ") end -= 1;
    return start < end ? { start, end } : null;
  }

  /** The first character at or after a point of the document. */
  offsetAt(node: Node, offset: number): number {
    return this.#boundary(node, offset);
  }

  #boundary(container: Node, offset: number): number {
    if (container.nodeType === 3) {
      const known = this.#byNode.get(container as Text);
      if (known !== undefined) return this.#within(known, offset);
    }
    // Not a text that we read: the first one that begins after this point.
    const point = this.root.ownerDocument.createRange();
    point.setStart(container, offset);
    let low = 0;
    let high = this.#segments.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const segment = this.#segments[middle];
      if (segment !== undefined && point.comparePoint(segment.node, 0) < 0) low = middle + 1;
      else high = middle;
    }
    return this.#segments[low]?.start ?? this.text.length;
  }

  #within(index: number, offset: number): number {
    let low = this.#segments[index]?.start ?? 0;
    let high = this.#segments[index + 1]?.start ?? this.text.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#begins[middle] ?? 0) < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #segmentAt(offset: number): Segment | undefined {
    let low = 0;
    let high = this.#segments.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#segments[middle]?.start ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return this.#segments[low];
  }
}

class Builder {
  readonly parts: string[] = [];
  readonly segments: Segment[] = [];
  readonly begins: number[] = [];
  readonly ends: number[] = [];
  /** The text so far ends with a space, or is empty: another one would say nothing. */
  #spaced = true;
  /** A block border was passed: the next character has a space before it. */
  #gap = false;

  gap(): void {
    this.#gap = true;
  }

  add(node: Text): void {
    const raw = node.data;
    if (raw === "") return;
    this.segments.push({ node, start: this.begins.length });
    const normal = raw.normalize("NFC");
    if (normal === raw) for (let at = 0; at < raw.length; at += 1) this.#unit(raw.charAt(at), at, at + 1);
    else this.#composed(raw);
  }

  /** Where composing changes lengths, whole graphemes are composed, and each keeps its raw borders. */
  #composed(raw: string): void {
    for (const { segment, index } of new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(raw)) {
      const normal = segment.normalize("NFC");
      for (let at = 0; at < normal.length; at += 1) this.#unit(normal.charAt(at), index, index + segment.length);
    }
  }

  #unit(unit: string, begin: number, end: number): void {
    // Most letters are neither; asking the patterns about each would take most of the time.
    const plain = unit > " " && unit <= "~";
    if (!plain && INVISIBLE.test(unit)) return;
    if (!plain && SPACE.test(unit)) {
      if (!this.#spaced) this.#push(" ", begin, end);
      this.#spaced = true;
      this.#gap = false;
      return;
    }
    if (this.#gap && !this.#spaced) this.#push(" ", begin, begin);
    this.#gap = false;
    this.#spaced = false;
    this.#push(unit, begin, end);
  }

  #push(unit: string, begin: number, end: number): void {
    this.parts.push(unit);
    this.begins.push(begin);
    this.ends.push(end);
  }
}

function walk(element: Element, skip: Skip, builder: Builder): void {
  for (let child = element.firstChild; child !== null; child = child.nextSibling) {
    if (child.nodeType === 3) builder.add(child as Text);
    else if (child.nodeType === 1) {
      const inner = child as Element;
      if (SKIPPED.has(inner.tagName.toUpperCase()) || skip(inner)) continue;
      const block = BLOCKS.has(inner.tagName);
      if (block) builder.gap();
      walk(inner, skip, builder);
      if (block) builder.gap();
    }
  }
}
