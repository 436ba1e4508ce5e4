import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import { useModel } from "./context";
import type { Discussion, Model } from "./model";

/** Marks nearer than this are one. CSS pixels. */
const APART = 5;
/** Places are measured at most this often: measuring makes the browser lay the page out. Milliseconds. */
const EVERY_MS = 500;

interface Mark {
  readonly top: number;
  readonly discussion: Discussion;
}

/** Where on the page is discussed, beside its scroll bar. For pointers: for everybody else there is the list. */
export function Minimap(): VNode | null {
  const { model } = useModel();
  const [marks, setMarks] = useState<readonly Mark[]>([]);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const later = (): void => {
      timer ??= setTimeout(() => {
        timer = undefined;
        setMarks((before) => {
          const now = measured(model);
          return JSON.stringify(now.map(key)) === JSON.stringify(before.map(key)) ? before : now;
        });
      }, EVERY_MS);
    };
    later();
    const stop = model.subscribe(later);
    const seen = typeof ResizeObserver === "function" ? new ResizeObserver(later) : undefined;
    seen?.observe(model.text.root);
    return () => {
      clearTimeout(timer);
      stop();
      seen?.disconnect();
    };
  }, [model]);
  if (marks.length === 0) return null;
  return (
    <div class="minimap" aria-hidden="true" data-parley="minimap">
      {marks.map(({ top, discussion }) => (
        <i
          key={discussion.chat.id}
          class={discussion.chat.state}
          style={{ top: `${top}px` }}
          data-parley="mark"
          onClick={() => {
            model.show({ kind: "chat", id: discussion.chat.id });
            model.reveal(discussion);
          }}
        />
      ))}
    </div>
  );
}

function key({ top, discussion: { chat } }: Mark): unknown {
  return [top, chat.id, chat.state];
}

/** One mark for each place that stands apart, open discussions before resolved ones. */
function measured(model: Model): Mark[] {
  const { scrollHeight, clientHeight } = document.documentElement;
  if (scrollHeight <= clientHeight) return [];
  const places = new Map<number, Mark>();
  for (const discussion of model.discussions) {
    const range = model.text.range(discussion.location);
    if (range === null) continue;
    const share = (range.getBoundingClientRect().top + scrollY) / scrollHeight;
    const top = Math.round((share * clientHeight) / APART) * APART;
    if (places.get(top)?.discussion.chat.state !== "open") places.set(top, { top, discussion });
  }
  return [...places.values()];
}
