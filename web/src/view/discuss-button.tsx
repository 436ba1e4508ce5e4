import type { VNode } from "preact";
import { useModel } from "./context";
import { CommentIcon } from "./icons";

/** Room between the selected words and the button, so that neither covers the other. CSS pixels. */
const GAP = 8;
/** By touch, handles hang from the selected words, and the system's own menu stands above them. */
const TOUCH_GAP = 36;
const WIDTH = 116;
const HEIGHT = 40;

/** Floats below the end of the selection; above it where the window ends. */
export function DiscussButton(): VNode | null {
  const { model, strings } = useModel();
  const { selection } = model;
  if (selection === null || !model.mayWrite) return null;
  const { rect } = selection;
  const touch = matchMedia("(pointer: coarse)").matches;
  const under = rect.bottom + (touch ? TOUCH_GAP : GAP);
  const last = innerHeight - HEIGHT - GAP;
  const top = under <= last ? under : touch ? last : rect.top - GAP - HEIGHT;
  const left = Math.min(Math.max(GAP, rect.right - WIDTH / 2), innerWidth - WIDTH - GAP);
  return (
    <button
      type="button"
      class="discuss"
      data-parley="discuss"
      style={{ top: `${Math.max(GAP, top)}px`, left: `${left}px` }}
      onPointerDown={(event) => event.preventDefault() /* pressing must not take the selection away */}
      onMouseDown={(event) => event.preventDefault()}
      aria-keyshortcuts="Control+Alt+M Meta+Alt+M"
      onClick={() => model.discuss()}
    >
      <CommentIcon />
      {strings.discuss}
    </button>
  );
}
