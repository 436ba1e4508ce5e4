import type { VNode } from "preact";
import { useModel } from "./context";
import { CommentIcon } from "./icons";

/** Room between the selected words and the button, so that neither covers the other. CSS pixels. */
const GAP = 8;
const WIDTH = 116;
const HEIGHT = 40;

/** Floats below the end of the selection; above it where the window ends. */
export function DiscussButton(): VNode | null {
  const { model, strings } = useModel();
  const { selection } = model;
  if (selection === null || !model.mayWrite) return null;
  const { rect } = selection;
  const below = rect.bottom + GAP + HEIGHT <= innerHeight;
  const top = below ? rect.bottom + GAP : rect.top - GAP - HEIGHT;
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
