// @vitest-environment jsdom
import { describe as group, expect, it } from "vitest";
import { describe, quoteAt } from "../../src/anchoring/describe";
import { Haystack } from "../../src/anchoring/haystack";
import { KnownNodes, TextIndex } from "../../src/anchoring/text-index";
import { article } from "./federalist";

function body(html: string): HTMLElement {
  return new DOMParser().parseFromString(`<body>${html}</body>`, "text/html").body;
}

function text(html: string): string {
  return new TextIndex(body(html)).text.trim();
}

group("the normalised text", () => {
  it.each([
    ["collapses white space", "a \n\t b&nbsp;&nbsp;c", "a b c"],
    ["keeps blocks apart", "<p>one</p><p>two</p><ul><li>three<li>four</ul>", "one two three four"],
    ["keeps inline parts together", "re<b>pub</b>lic<i> of</i>", "republic of"],
    ["reads a line break as a space", "one<br>two", "one two"],
    ["skips what is not read", "a<script>x</script><style>y</style><template>z</template> b", "a b"],
    ["skips soft hyphens and zero-width spaces", "fac&shy;tion a&#x200b;b", "faction ab"],
    ["composes accents", "cafe\u0301 x", "café x"],
    ["reads table cells apart", "<table><tr><td>1</td><td>2</td></tr></table>", "1 2"],
    ["keeps code on its lines apart", "<pre>if a:\n    b()</pre>", "if a: b()"],
    ["reads right to left in the order of the text", '<p dir="rtl">أهلا <b>و</b>سهلا</p>', "أهلا وسهلا"],
    ["puts nothing between characters of a script without spaces", "<p>日本<ruby>語</ruby>の文</p>", "日本語の文"],
    ["keeps emoji whole", "<p>a 👨‍👩‍👧 b</p>", "a 👨‍👩‍👧 b"],
    ["reads what is folded away", "<details><summary>More</summary><p>inside</p></details>", "More inside"],
    ["trims a byte order mark", "<p>\ufeff one</p>", "one"],
  ])("%s", (_, html, expected) => expect(text(html)).toBe(expected));

  it("leaves out what the caller skips", () => {
    const root = body("a <x-ui>mine</x-ui>b");
    expect(new TextIndex(root, new KnownNodes((element) => element.tagName === "X-UI")).text).toBe("a b");
  });
});

group("from text to document and back", () => {
  it("gives each stretch of a real article a range with the same words, and the range the same stretch", () => {
    const root = article();
    const index = new TextIndex(root);
    expect(index.text.length).toBeGreaterThan(17_000);
    for (let start = 3; start < index.text.length - 300; start += 97) {
      for (const length of [1, 20, 300]) {
        const range = index.range(start, start + length);
        if (range === null) throw new Error("inside the text");
        const expected = index.text.slice(start, start + length);
        expect(new TextIndex(wrap(range)).text.trim()).toBe(expected.trim());
        const back = index.offsets(range);
        expect(back === null ? "" : index.text.slice(back.start, back.end)).toBe(expected.trim());
      }
    }
  });

  it("keeps raw borders where composing changed lengths", () => {
    const root = body("<p>x cafe\u0301 fac\u00ADtion y</p>");
    const index = new TextIndex(root);
    const at = index.text.indexOf("café faction");
    expect(index.range(at, at + "café faction".length)?.toString()).toBe("cafe\u0301 fac\u00ADtion");
  });

  it("answers null outside of the text", () => {
    const index = new TextIndex(body("<p>ab</p>"));
    expect(index.range(0, 99)).toBeNull();
    expect(index.range(1, 1)).toBeNull();
  });
});

group("describe", () => {
  it("takes the words, 64 characters around them, the place and the landmarks around", () => {
    const root = article();
    const index = new TextIndex(root);
    const node = root.querySelector("#p5")?.firstChild as Text;
    const range = root.ownerDocument.createRange();
    range.setStart(node, node.data.indexOf("Liberty is"));
    range.setEnd(node, node.data.indexOf("what air is"));
    const anchor = describe(range, index, new Haystack(index.text));
    expect(anchor?.quote.exact).toBe("Liberty is to faction");
    expect(anchor?.quote.prefix).toHaveLength(64);
    expect(anchor?.quote.prefix.endsWith("worse than the disease. ")).toBe(true);
    expect(anchor?.quote.suffix).toBe(" what air is to fire, an aliment without which it instantly expi");
    expect(index.text.slice(anchor?.position.start, anchor?.position.end)).toBe("Liberty is to faction");
    expect(anchor?.hint).toMatch(/^1\.1\.0\.[\w-]{24}\.[\w-]{24}$/);
  });

  it("has nothing to say about a range without words", () => {
    const root = body("<p>  </p><p>x</p>");
    const range = root.ownerDocument.createRange();
    range.selectNodeContents(root.firstElementChild as Element);
    const index = new TextIndex(root);
    expect(describe(range, index, new Haystack(index.text))).toBeNull();
  });

  it("keeps head, tail and length of a quote over 256 characters", () => {
    const { text: whole } = new TextIndex(article());
    const quote = quoteAt(whole, 500, 1_500);
    expect(quote).toMatchObject({ exact: whole.slice(500, 628), tail: whole.slice(1_372, 1_500), length: 1_000 });
  });

  it("cuts between graphemes, never inside one", () => {
    const family = "👨‍👩‍👧‍👦";
    const quote = quoteAt(family.repeat(30), family.length * 12, family.length * 14);
    expect(quote.prefix).toBe(family.repeat(Math.floor(64 / family.length)));
    expect(quote.suffix).toBe(family.repeat(Math.floor(64 / family.length)));
  });
});

function wrap(range: Range): Element {
  const holder = range.startContainer.ownerDocument?.createElement("div") as HTMLElement;
  holder.append(range.cloneContents());
  return holder;
}

group("shadow trees", () => {
  function shadowed(): { root: HTMLElement; inner: ShadowRoot } {
    const root = body("<p>before</p><x-card><b slot=title>light title</b> light rest</x-card><p>after</p>");
    const inner = (root.querySelector("x-card") as Element).attachShadow({ mode: "open" });
    inner.innerHTML = "<h2><slot name=title></slot></h2><p>words of the shadow</p><slot></slot>";
    return { root, inner };
  }

  it("are read as they are shown", () => {
    const { root, inner } = shadowed();
    const index = new TextIndex(root);
    expect(index.text).toBe("before light title words of the shadow light rest after");
    expect(index.shadows).toEqual([inner]);
  });

  it("have ranges of their own, and offsets", () => {
    const { root, inner } = shadowed();
    const index = new TextIndex(root);
    const start = index.text.indexOf("words of");
    const range = index.range(start, start + 8);
    expect(range?.toString()).toBe("words of");
    expect(range?.startContainer.getRootNode()).toBe(inner);
    expect(index.offsets(range as Range)).toEqual({ start, end: start + 8 });
    // A quote over the border is marked in the tree where it begins.
    expect(index.range(start, index.text.indexOf("after") + 5)?.toString()).toBe("words of the shadow");
  });
});

group("reading in pieces, and again", () => {
  it("reads the same whenever it is made to pause", () => {
    const root = article();
    const whole = new TextIndex(root).text;
    const index = new TextIndex(root, new KnownNodes(), () => true);
    let turns = 1;
    while (!index.read(() => true)) turns += 1;
    expect(turns).toBeGreaterThan(50);
    expect(index.text).toBe(whole);
  });

  it("tells the stretch that is not as it was, and reads only that node anew", () => {
    const root = body("<p>one two</p><p>three <b>four</b> five</p><p>six</p>");
    const known = new KnownNodes();
    const before = new TextIndex(root, known);
    const six = root.lastElementChild?.firstChild as Text;
    const reading = known.readings.get(six);
    (root.querySelector("b")?.firstChild as Text).data = "4";
    const now = new TextIndex(root, known);
    expect(now.text).toBe("one two three 4 five six");
    expect(known.readings.get(six)).toBe(reading);
    const [from, until] = now.difference(before);
    expect([before.text.slice(0, from), before.text.slice(until)]).toEqual(["one two three", " five six"]);
    expect(now.difference(now)).toEqual([now.text.length, now.text.length]);
  });

  it("finds the stretch of what was put in, taken out and moved", () => {
    const root = body("<p>one</p><p>two</p><p>three</p>");
    const states: TextIndex[] = [new TextIndex(root)];
    const known = new KnownNodes();
    const steps = [
      () => root.append(body("<p>four</p>").firstChild as Node),
      () => root.firstElementChild?.remove(),
      () => root.prepend(root.lastElementChild as Element),
      () => root.replaceChildren(),
      () => root.append("five"),
    ];
    for (const step of steps) {
      step();
      const before = states.at(-1) as TextIndex;
      const now = new TextIndex(root, known);
      const [from, until] = now.difference(before);
      const rest = before.text.length - until;
      expect(now.text.slice(0, from)).toBe(before.text.slice(0, from));
      expect(now.text.slice(now.text.length - rest)).toBe(before.text.slice(until));
      states.push(now);
    }
  });
});
