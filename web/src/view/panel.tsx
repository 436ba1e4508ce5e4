import type { VNode } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { Composer } from "./composer";
import { useModel } from "./context";
import { DiscussionList } from "./discussion-list";
import { focused } from "./focused";
import { BackIcon, CloseIcon } from "./icons";
import { fetchExtras } from "./extras";
import { type Discussion, type Model, NEW } from "./model";
import { QuotedText } from "./quote";
import type { Strings } from "./strings";
import { Thread } from "./thread";

/** Below these widths there is no room for page and panel side by side; nor for the panel beside anything. CSS pixels. */
const SIDE = 900;
const FULL = 560;

/** The side panel: the list, one discussion, or a new one. */
export function Panel({ underBar }: { underBar: boolean }): VNode | null {
  const { model, strings } = useModel();
  const heading = useRef<HTMLHeadingElement>(null);
  const { shown } = model;
  const where = shown.kind === "chat" ? shown.id : shown.kind;
  const panel = useRef<HTMLDivElement>(null);
  const before = useRef<Element | null>(null);
  const open = where !== "closed";
  useLayoutEffect(() => {
    if (!open) return undefined;
    before.current = focused();
    return () => {
      // Back to where the reader was, unless they have gone elsewhere meanwhile.
      if (before.current instanceof HTMLElement && focused() === document.body) before.current.focus({ preventScroll: true });
    };
  }, [open]);
  // Before the next paint, which a busy page puts off: a key that is pressed meanwhile is for the panel.
  useLayoutEffect(() => {
    // Whoever reads or writes on the page itself keeps the focus when something changes here from afar.
    const ours = focused();
    if (open && where !== "new" && (ours === document.body || ours?.getRootNode() instanceof ShadowRoot)) {
      heading.current?.focus({ preventScroll: true });
    }
  }, [open, where]);
  const { extras } = model;
  useEffect(() => {
    if (extras === null) fetchExtras(model, strings);
  });
  const layout = innerWidth > SIDE ? "side" : innerWidth > FULL ? "popover" : "full";
  const more = extras && <extras.Manners panel={panel} heading={heading} layout={layout} />;
  if (!open) return more;
  return (
    <>
    {more}
    <div
      ref={panel}
      role={layout === "full" ? "dialog" : "complementary"}
      aria-modal={layout === "full" || undefined}
      data-layout={layout}
      class={`panel ${underBar ? "under-bar" : ""}`}
      aria-label={strings.panel}
      data-parley="panel"
      onKeyDown={(event) => {
        if (event.key === "Escape" && !event.isComposing) model.show({ kind: "closed" });
        event.stopPropagation(); // the page's own shortcuts are not for text that is typed here
      }}
    >
      <header>
        {shown.kind !== "list" && (
          <button type="button" class="icon" aria-label={strings.back} title={strings.back} data-parley="back" onClick={() => model.show({ kind: "list" })}>
            <BackIcon />
          </button>
        )}
        <h2 tabIndex={-1} ref={heading}>
          {shown.kind === "new" ? strings.newDiscussion : strings.panel}
        </h2>
        <button type="button" class="icon" aria-label={strings.close} title={strings.close} data-parley="close" onClick={() => model.show({ kind: "closed" })}>
          <CloseIcon />
        </button>
      </header>
      <div class="body">
        {extras && <extras.Notices />}
        <Content model={model} strings={strings} />
      </div>
      {extras && <extras.UndoBar />}
    </div>
    </>
  );
}

function Content({ model, strings }: { model: Model; strings: Strings }): VNode {
  const { shown } = model;
  const last = useRef<Discussion | null>(null);
  if (shown.kind === "new") {
    const { anchor } = shown;
    return (
      <>
        <QuotedText anchor={anchor} />
        <Composer
          draft={`${NEW}${anchor.position.start}:${anchor.position.end}`}
          label={strings.composer}
          placeholder={strings.composer}
          action={strings.send}
          hook="composer"
          actionHook="send"
          focus
          onSend={(text) => model.show({ kind: "chat", id: model.do({ op: "new-chat", anchor, text }) })}
          onCancel={() => model.show({ kind: "list" })}
        />
      </>
    );
  }
  const found = shown.kind === "chat" ? model.discussions.find(({ chat }) => chat.id === shown.id) : undefined;
  if (found !== undefined) last.current = found;
  // Whoever reads or writes in it keeps it, also when somebody deletes it.
  const discussion = shown.kind === "chat" && last.current?.chat.id === shown.id ? last.current : null;
  if (discussion !== null) return <Thread key={discussion.chat.id} discussion={discussion} gone={found === undefined} />;
  return <DiscussionList />;
}
