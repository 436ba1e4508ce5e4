import type { Model } from "./model";
import { isOurs } from "./mount";

/** A selection by keyboard or by handles is read when it has rested for this long. */
const REST_MS = 250;

/** Follows selections and clicks on the page's own text. The answer stops following. */
export function follow(model: Model): () => void {
  const ended = new AbortController();
  const options = { signal: ended.signal, passive: true };
  let timer: ReturnType<typeof setTimeout> | undefined;
  let pressed = false;

  const read = (): void => model.select(selected(model));
  const later = (ms: number): void => {
    clearTimeout(timer);
    timer = setTimeout(read, ms);
  };

  document.addEventListener("pointerdown", (event) => (pressed = !onUs(event)), options);
  document.addEventListener("pointercancel", () => (pressed = false), options);
  document.addEventListener(
    "pointerup",
    (event) => {
      pressed = false;
      if (!onUs(event)) later(0);
    },
    options,
  );
  document.addEventListener(
    "selectionchange",
    () => {
      if (document.getSelection()?.isCollapsed !== false) {
        if (model.selection !== null) later(0);
      } else if (!pressed) later(REST_MS);
    },
    options,
  );
  document.addEventListener(
    "keydown",
    (event) => {
      // Ctrl+Alt+M, as in the common word processors: a selection by keyboard needs no way to the floating button.
      if (event.code !== "KeyM" || !event.altKey || !(event.ctrlKey || event.metaKey) || onUs(event)) return;
      model.select(selected(model));
      if (model.selection !== null) model.discuss();
      else model.extras?.discussParagraph(model, isOurs);
    },
    options,
  );
  let drawing = false;
  const moved = (): void => {
    if (model.selection === null || drawing) return;
    drawing = true;
    requestAnimationFrame(() => {
      drawing = false;
      read();
    });
  };
  addEventListener("scroll", moved, { ...options, capture: true });
  addEventListener("resize", moved, options);
  document.addEventListener(
    "click",
    (event) => {
      if (onUs(event) || document.getSelection()?.isCollapsed === false) return;
      const hit = under(model, event.clientX, event.clientY);
      if (hit !== undefined) model.show({ kind: "chat", id: hit });
    },
    options,
  );
  return () => {
    clearTimeout(timer);
    ended.abort();
  };
}

function onUs(event: Event): boolean {
  return event.composedPath().some((target) => target instanceof Element && isOurs(target));
}

function selected(model: Model): Model["selection"] {
  const selection = document.getSelection();
  if (selection === null || selection.isCollapsed || selection.rangeCount === 0) return null;
  const range = selection.getRangeAt(0);
  const anchor = model.text.describe(range);
  const rect = [...range.getClientRects()].filter(({ width }) => width > 0).at(-1);
  return anchor === null || rect === undefined ? null : { anchor, rect };
}

/** The discussion whose words are at a point: the narrowest, if several overlap. */
function under(model: Model, x: number, y: number): string | undefined {
  const offset = model.text.offsetAtPoint(x, y);
  if (offset === null) return undefined;
  // The caret may be beside the character that was hit: the one before counts too.
  for (const { chat, location } of [...model.at(offset), ...model.at(offset - 1)]) {
    const rects = model.text.range(location)?.getClientRects() ?? [];
    for (const rect of rects) {
      if (rect.left <= x && x <= rect.right && rect.top <= y && y <= rect.bottom) return chat.id;
    }
  }
  return undefined;
}
