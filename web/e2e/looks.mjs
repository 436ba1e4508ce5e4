/**
 * What can be measured of how a state looks, inside the page. Words are drawn with the fonts of the machine, so no picture is
 * compared with a kept one: what a picture would betray is asked for instead.
 */
export function looks() {
  const hosts = [...document.querySelectorAll("parley-widget, parley-bar")];
  const all = hosts.flatMap((host) => [...host.shadowRoot.querySelectorAll("*")]);
  // A panel that fills the window covers the bar.
  const full = all.some((element) => element.matches('[data-layout="full"]'));
  const visible = all.filter((element) => element.checkVisibility({ visibilityProperty: true, contentVisibilityAuto: true }) && !(full && element.closest(".bar, .minimap")));
  const wrong = [];
  const name = (element) => `<${element.localName} ${element.dataset.parley ?? element.className}> "${(element.textContent ?? "").slice(0, 30)}"`;
  if (document.documentElement.scrollWidth > innerWidth) wrong.push("the page scrolls sideways");
  const controls = visible.filter((element) => element.matches("button, textarea, summary, a, input, select"));
  for (const element of visible) {
    const style = getComputedStyle(element);
    const rect = element.getBoundingClientRect();
    const clamped = style.webkitLineClamp !== "none" && style.webkitLineClamp !== "";
    if (element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 0 && style.display !== "inline" && !["pre", "input"].includes(element.localName)) {
      wrong.push(`${name(element)} is wider (${element.scrollWidth}) than its box (${element.clientWidth})`);
    }
    if (style.overflowY === "hidden" && !clamped && element.scrollHeight > element.clientHeight + 2 && element.localName !== "span") {
      wrong.push(`${name(element)} is higher than its box`);
    }
    if (controls.includes(element)) {
      // Links within a sentence are as high as its line.
      if (element.closest(".text") !== null) continue;
      if (rect.width < 24 || rect.height < 24) wrong.push(`${name(element)} is smaller than 24 px: ${rect.width} × ${rect.height}`);
      if (rect.left < -1 || rect.right > innerWidth + 1) wrong.push(`${name(element)} leaves the window sideways`);
    }
  }
  // Words of different elements never lie on each other; those that a scrolling box hides lie on nothing.
  const inSight = (element, rect) => {
    const box = element.closest(".body")?.getBoundingClientRect();
    return box === undefined || (rect.top >= box.top && rect.bottom <= box.bottom);
  };
  const words = visible.flatMap((element) =>
    [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE && node.data.trim() !== "" && element.closest(".avatar, .card .text, blockquote") === null).flatMap((node) => {
      const range = document.createRange();
      range.selectNodeContents(node);
      return [...range.getClientRects()].filter((rect) => inSight(element, rect)).map((rect) => ({ element, rect }));
    }));
  for (const [at, one] of words.entries()) {
    for (const other of words.slice(at + 1)) {
      if (one.element === other.element) continue;
      const across = Math.min(one.rect.right, other.rect.right) - Math.max(one.rect.left, other.rect.left);
      const down = Math.min(one.rect.bottom, other.rect.bottom) - Math.max(one.rect.top, other.rect.top);
      if (across > 2 && down > 4) wrong.push(`${name(one.element)} lies on ${name(other.element)}`);
    }
  }
  for (const [at, one] of controls.entries()) {
    for (const other of controls.slice(at + 1)) {
      const [a, b] = [one.getBoundingClientRect(), other.getBoundingClientRect()];
      if (!inSight(one, a) || !inSight(other, b)) continue;
      if (Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1) {
        wrong.push(`${name(one)} covers ${name(other)}`);
      }
    }
  }
  return [...new Set(wrong)];
}

/** The element that has the focus, in shadow roots too, and whether a reader can see that it has. */
export function focused() {
  let element = document.activeElement;
  while (element?.shadowRoot?.activeElement != null) element = element.shadowRoot.activeElement;
  if (element === null || element === document.body) return null;
  const { outlineStyle, outlineWidth } = getComputedStyle(element);
  const rect = element.getBoundingClientRect();
  const root = element.getRootNode();
  const hit = root.elementFromPoint(rect.left + rect.width / 2, rect.top + Math.min(rect.height / 2, 12));
  window.numbers ??= new WeakMap();
  if (!window.numbers.has(element)) window.numbers.set(element, (window.count = (window.count ?? 0) + 1));
  return {
    number: window.numbers.get(element),
    name: `${element.localName} ${element.dataset?.parley ?? element.className ?? ""}`,
    hook: element.dataset?.parley ?? element.localName,
    ring: outlineStyle !== "none" && parseFloat(outlineWidth) >= 2,
    // WCAG 2.4.11: nothing covers it. A field may reach beyond the window's end: browsers bring the caret into sight.
    seen: hit !== null && (element.contains(hit) || hit.contains(element)) && rect.top >= -1 && rect.top < innerHeight - 12,
  };
}

/** How many things in the widget a keyboard should reach. */
export function tabbable() {
  return [...document.querySelectorAll("parley-widget, parley-bar")].flatMap((host) =>
    [...host.shadowRoot.querySelectorAll("button:not(:disabled), textarea, summary, a[href], input")].filter((element) => element.tabIndex >= 0 && element.checkVisibility()),
  ).length;
}
