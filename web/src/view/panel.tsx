import type { VNode } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { Composer } from "./composer";
import { useModel } from "./context";
import { DiscussionList } from "./discussion-list";
import { BackIcon, CloseIcon } from "./icons";
import { type Model, NEW } from "./model";
import { QuotedText } from "./quote";
import { Refusals } from "./refusals";
import type { Strings } from "./strings";
import { Thread } from "./thread";
import { connection } from "./top-bar";

/** The side panel: the list, one discussion, or a new one. */
export function Panel({ underBar }: { underBar: boolean }): VNode | null {
  const { model, strings } = useModel();
  const heading = useRef<HTMLHeadingElement>(null);
  const { shown } = model;
  const where = shown.kind === "chat" ? shown.id : shown.kind;
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
  useEffect(() => {
    // Whoever reads or writes on the page itself keeps the focus when something changes here from afar.
    const ours = focused();
    if (open && where !== "new" && (ours === document.body || ours?.getRootNode() instanceof ShadowRoot)) {
      heading.current?.focus({ preventScroll: true });
    }
  }, [open, where]);
  if (shown.kind === "closed") return null;
  return (
    <aside
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
        <Notice model={model} strings={strings} />
        <Refusals />
        <Content model={model} strings={strings} />
      </div>
    </aside>
  );
}

/** The element that has the focus, inside of shadow roots too. */
function focused(): Element | null {
  let element = document.activeElement;
  while (element?.shadowRoot?.activeElement != null) element = element.shadowRoot.activeElement;
  return element;
}

function Content({ model, strings }: { model: Model; strings: Strings }): VNode {
  const { shown } = model;
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
  const discussion = shown.kind === "chat" ? model.discussions.find(({ chat }) => chat.id === shown.id) : undefined;
  return discussion === undefined ? <DiscussionList /> : <Thread key={discussion.chat.id} discussion={discussion} />;
}

function Notice({ model, strings }: { model: Model; strings: Strings }): VNode | null {
  const state = connection(model.client.state, model.view.phase === "joined");
  if (state === "offline") return <p class="notice" role="status">{strings.offlineNote}</p>;
  if (state === "stopped") return <p class="notice" role="status">{strings.stoppedNote}</p>;
  return null;
}
