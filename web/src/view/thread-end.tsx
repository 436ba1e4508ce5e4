import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { useModel } from "./context";
import type { Discussion } from "./model";
import { counted } from "./strings";

/** Where the comments end: whoever sees it has read them. Until then it says how many are new, and leads to the first. */
export function End({ discussion: { chat } }: { discussion: Discussion }): VNode {
  const { model, strings } = useModel();
  const mark = useRef<HTMLDivElement>(null);
  const [seen, setSeen] = useState(typeof IntersectionObserver !== "function");
  useEffect(() => {
    if (mark.current === null || typeof IntersectionObserver !== "function") return undefined;
    const observer = new IntersectionObserver((entries) => setSeen(entries.at(-1)?.isIntersecting === true));
    observer.observe(mark.current);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    if (seen) model.reading?.saw(chat);
  });
  const fresh = model.reading?.unread(chat) ?? 0;
  return (
    <div class="end" ref={mark}>
      {!seen && fresh > 0 && (
        <button
          type="button"
          class="primary"
          data-parley="new-replies"
          onClick={() => {
            const first = [...(mark.current?.previousElementSibling?.children ?? [])].at(-fresh);
            first?.scrollIntoView({ block: "nearest" });
            mark.current?.scrollIntoView({ block: "nearest" });
            (first as HTMLElement | undefined)?.focus({ preventScroll: true });
          }}
        >
          {counted(strings, strings.newCount, fresh)}
        </button>
      )}
    </div>
  );
}
