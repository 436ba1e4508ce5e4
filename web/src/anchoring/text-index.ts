import { type Reading, beginIn, endIn, readingOf } from "./reading";

const SKIPPED = new Set(["SCRIPT", "STYLE", "NOSCRIPT", "TEMPLATE", "TEXTAREA", "SELECT", "OPTION", "IFRAME", "OBJECT", "SVG", "CANVAS", "AUDIO", "VIDEO", "HEAD"]);
/** Elements whose border is a gap between words, whatever the style sheet says. */
const BLOCKS = new Set(
  "ADDRESS ARTICLE ASIDE BLOCKQUOTE BR BUTTON CAPTION DD DETAILS DIALOG DIV DL DT FIELDSET FIGCAPTION FIGURE FOOTER FORM H1 H2 H3 H4 H5 H6 HEADER HGROUP HR LI MAIN NAV OL P PRE SECTION SUMMARY TABLE TBODY TD TFOOT TH THEAD TR UL".split(" "),
);

interface Segment {
  readonly node: Text;
  readonly reading: Reading;
  /** A space stands between the one before it and this one. */
  readonly space: boolean;
  /** Offset of its first character in the normalised text. */
  readonly start: number;
}

/** Whether an element's text is not part of what a reader reads. */
export type Skip = (element: Element) => boolean;

/** What was found out about nodes and holds until they change: most of a page is the same when it is read again. */
export class KnownNodes {
  readonly readings = new WeakMap<Text, Reading>();
  readonly #skipped = new WeakMap<Element, boolean>();

  constructor(readonly skip: Skip = () => false) {}

  isSkipped(element: Element): boolean {
    let skipped = this.#skipped.get(element);
    if (skipped === undefined) {
      skipped = SKIPPED.has(element.tagName.toUpperCase()) || this.skip(element);
      this.#skipped.set(element, skipped);
    }
    return skipped;
  }

  forget(element: Element): void {
    this.#skipped.delete(element);
  }

  reading(node: Text): Reading {
    let reading = this.readings.get(node);
    if (reading?.raw !== node.data) {
      reading = readingOf(node.data);
      this.readings.set(node, reading);
    }
    return reading;
  }
}

/** Nodes of one parent that are still to be read. */
interface Level {
  next: Node | null;
  /** Nodes that are elsewhere in the document: what a slot shows. */
  readonly slotted: Node[] | null;
  readonly block: boolean;
}

/**
 * The readable text below a root, normalised: NFC, every run of white space one space, blocks apart by one space, nothing
 * hidden, open shadow trees as they are shown. Knows for each of its characters (UTF-16 units) where in the document it
 * stands. A snapshot: build another when the document changes. `read` reads on until it is told to pause.
 */
export class TextIndex {
  text = "";
  /** The shadow roots that hold some of it. */
  readonly shadows: ShadowRoot[] = [];
  readonly #segments: Segment[] = [];
  readonly #byNode = new Map<Node, Segment>();
  readonly #levels: Level[];
  #length = 0;
  #gap = false;

  constructor(
    readonly root: Element,
    private readonly known: KnownNodes = new KnownNodes(),
    pause: () => boolean = () => false,
  ) {
    this.#levels = [{ next: root.firstChild, slotted: null, block: false }];
    this.read(pause);
  }

  /** Whether everything was read. */
  read(pause: () => boolean = () => false): boolean {
    for (let level = this.#levels.at(-1); level !== undefined; level = this.#levels.at(-1)) {
      const node = level.slotted === null ? level.next : (level.slotted.shift() ?? null);
      if (node === null) {
        this.#levels.pop();
        this.#gap ||= level.block;
        continue;
      }
      if (level.slotted === null) level.next = node.nextSibling;
      if (node.nodeType === 3) {
        this.#add(node as Text);
        if (pause()) return false;
      } else if (node.nodeType === 1 && !this.known.isSkipped(node as Element)) this.#enter(node as Element);
    }
    if (this.text === "") this.text = this.#segments.map(({ space, reading }) => (space ? ` ${reading.text}` : reading.text)).join("");
    return true;
  }

  /** From an offset of both texts to before an offset of the old one: where the text is not as it was. */
  difference(before: TextIndex): readonly [from: number, until: number] {
    const [old, now] = [before.#segments, this.#segments];
    const same = (a: Segment | undefined, b: Segment | undefined): boolean => a !== undefined && a.reading === b?.reading && a.space === b.space;
    let first = 0;
    while (same(old[first], now[first])) first += 1;
    let last = 1;
    while (last <= Math.min(old.length, now.length) - first && same(old.at(-last), now.at(-last))) last += 1;
    const from = Math.min(border(old[first], before.text), border(now[first], this.text));
    return [from, Math.max(from, last === 1 ? before.text.length : border(old.at(1 - last), before.text))];
  }

  /** The range of the document that holds the characters from `start` to before `end`, of one tree; `null` for none. */
  range(start: number, end: number): Range | null {
    if (start < 0 || end > this.text.length || start >= end) return null;
    const first = this.#segmentAt(start);
    let last = this.#segmentAt(end - 1);
    const tree = first?.node.getRootNode();
    while (last !== undefined && last.start > (first?.start ?? 0) && last.node.getRootNode() !== tree) last = this.#segmentAt(last.start - 2);
    if (first === undefined || last === undefined || !first.node.isConnected || !last.node.isConnected) return null;
    const range = this.root.ownerDocument.createRange();
    try {
      range.setStart(first.node, beginIn(first.reading, Math.max(0, start - first.start)));
      const at = Math.min(end - last.start, last.reading.text.length) - 1;
      range.setEnd(last.node, at < 0 ? beginIn(last.reading, 0) : endIn(last.reading, at));
    } catch {
      return null; // the text changed under us; the next index will know
    }
    return range;
  }

  /** The offsets of a range's readable characters, without white space at its ends; `null` if it has none. */
  offsets(range: AbstractRange): { start: number; end: number } | null {
    let start = this.offsetAt(range.startContainer, range.startOffset);
    let end = this.offsetAt(range.endContainer, range.endOffset);
    while (start < end && this.text[start] === " ") start += 1;
    while (end > start && this.text[end - 1] === " ") end -= 1;
    return start < end ? { start, end } : null;
  }

  /** The first character at or after a point of the document. */
  offsetAt(container: Node, offset: number): number {
    const known = this.#byNode.get(container);
    if (known !== undefined) return known.start + within(known.reading, offset);
    // Not a text that we read: the first one that begins after this point.
    let node = container.childNodes[offset] ?? this.#following(container);
    while (node !== null) {
      const segment = this.#byNode.get(node);
      if (segment !== undefined) return segment.start;
      node = (node as Element).shadowRoot?.firstChild ?? node.firstChild ?? this.#following(node);
    }
    return this.text.length;
  }

  #following(node: Node): Node | null {
    for (let at: Node | null = node; at !== null && at !== this.root; ) {
      if (at.nextSibling !== null) return at.nextSibling;
      const host: Element | undefined = (at.parentNode as ShadowRoot | null)?.host;
      // After a shadow tree come the elements that it shows in its slots.
      if (host?.firstChild != null) return host.firstChild;
      at = host ?? at.parentNode;
    }
    return null;
  }

  #segmentAt(offset: number): Segment | undefined {
    let low = 0;
    let high = this.#segments.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (border(this.#segments[middle], this.text) <= offset) low = middle;
      else high = middle - 1;
    }
    return this.#segments[low];
  }

  #enter(element: Element): void {
    const shadow = element.shadowRoot;
    const block = shadow !== null || BLOCKS.has(element.tagName);
    this.#gap ||= block;
    if (shadow !== null) this.shadows.push(shadow);
    const slotted = element.localName === "slot" ? (element as HTMLSlotElement).assignedNodes?.() : null;
    this.#levels.push({ next: (shadow ?? element).firstChild, slotted: slotted?.length ? slotted : null, block });
  }

  #add(node: Text): void {
    const reading = this.known.reading(node);
    this.#gap ||= reading.before;
    if (reading.text !== "") {
      const space = this.#gap && this.#length > 0;
      const segment = { node, reading, space, start: this.#length + (space ? 1 : 0) };
      this.#segments.push(segment);
      this.#byNode.set(node, segment);
      this.#length = segment.start + reading.text.length;
      this.#gap = false;
    }
    this.#gap ||= reading.after;
  }
}

/** Where a segment begins, with the space before it. */
function border(segment: Segment | undefined, text: string): number {
  return segment === undefined ? text.length : segment.start - (segment.space ? 1 : 0);
}

/** The first character of a reading that begins at an offset of its node, or after it. */
function within(reading: Reading, offset: number): number {
  let low = 0;
  let high = reading.text.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (beginIn(reading, middle) < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
