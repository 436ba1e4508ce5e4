import type { VNode } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { COMMON } from "../people/reactions";
import { useModel } from "./context";

/** A row of emoji: arrows move, Enter chooses, Escape leaves. */
export function ReactionPicker({ onPick, onClose }: { onPick(emoji: string): void; onClose(): void }): VNode {
  const { strings } = useModel();
  const row = useRef<HTMLDivElement>(null);
  const opener = useRef<Element | null>(null);
  useLayoutEffect(() => {
    opener.current = row.current?.previousElementSibling ?? null;
    (row.current?.firstElementChild as HTMLElement | null)?.focus({ preventScroll: true });
    return () => (opener.current as HTMLElement | null)?.focus({ preventScroll: true });
  }, []);
  return (
    <div
      ref={row}
      class="picker"
      role="toolbar"
      aria-label={strings.react}
      data-parley="reactions"
      onKeyDown={(event) => {
        if (event.key === "Escape") onClose();
        const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
        if (event.key === "Escape" || step !== 0) {
          event.preventDefault();
          event.stopPropagation();
        }
        const buttons = [...event.currentTarget.children] as HTMLElement[];
        const forwards = getComputedStyle(event.currentTarget).direction === "rtl" ? -step : step;
        const at = buttons.indexOf(event.target as HTMLElement) + forwards;
        if (step !== 0) buttons.at(at % buttons.length)?.focus();
      }}
    >
      {COMMON.map((emoji, index) => (
        <button key={emoji} type="button" tabIndex={index === 0 ? 0 : -1} data-emoji={emoji} onClick={() => onPick(emoji)}>
          {emoji}
        </button>
      ))}
    </div>
  );
}
