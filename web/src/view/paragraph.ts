import type { Model } from "./model";

/** Starts a discussion of the paragraph at the caret or the focus, else of the one nearest to the window's middle. */
export function discussParagraph(model: Model, isOurs: (element: Element) => boolean): void {
  if (!model.mayWrite) return;
  const block = paragraph(model.text.root, isOurs);
  if (block === null) return;
  const range = document.createRange();
  range.selectNodeContents(block);
  const anchor = model.text.describe(range);
  if (anchor !== null) model.show({ kind: "new", anchor });
}

function paragraph(root: Element, isOurs: (element: Element) => boolean): Element | null {
  const selection = document.getSelection();
  const caret = selection?.focusNode;
  const focused = document.activeElement;
  const places = [caret instanceof Element ? caret : (caret?.parentElement ?? null), focused === document.body ? null : focused];
  for (const place of places) {
    const found = place !== null && !isOurs(place) && root.contains(place) ? blockOf(place, root) : null;
    if (found !== null && inSight(found)) return found;
  }
  let best: Element | null = null;
  let least = Infinity;
  for (const one of root.querySelectorAll("p, li, blockquote, pre, h1, h2, h3, h4, h5, h6, td, th, dd, dt, figcaption")) {
    if (!inSight(one) || isOurs(one) || one.textContent?.trim() === "") continue;
    const { top, bottom } = one.getBoundingClientRect();
    const middle = innerHeight / 2;
    const far = top <= middle && bottom >= middle ? 0 : Math.min(Math.abs(top - middle), Math.abs(bottom - middle));
    if (far < least) [best, least] = [one, far];
  }
  return best;
}

/** The nearest element that is a block of text of its own. */
function blockOf(place: Element, root: Element): Element | null {
  for (let one: Element | null = place; one !== null && one !== root; one = one.parentElement) {
    if (!/^(inline|contents|ruby)/.test(getComputedStyle(one).display) && one.textContent?.trim() !== "") return one;
  }
  return null;
}

function inSight(element: Element): boolean {
  const { top, bottom, height } = element.getBoundingClientRect();
  return height > 0 && bottom > 0 && top < innerHeight;
}
