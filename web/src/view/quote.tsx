import type { VNode } from "preact";
import type { Anchor } from "../wire/frames";
import { useSurroundings } from "./context";
import type { Discussion } from "./model";

/** The discussed words as they were, with a badge where the page no longer has them so. */
export function Quote({ discussion }: { discussion: Discussion }): VNode {
  const { model, strings } = useSurroundings();
  const { chat, location } = discussion;
  const badge =
    location.state === "orphan" ? strings.goneBadge
    : location.state === "changed" ? strings.changedBadge
    : location.state === "uncertain" ? strings.uncertainBadge
    : null;
  return (
    <>
      {location.state === "changed" ? <ChangedText anchor={chat.anchor} now={model.text.words(location)} /> : <QuotedText anchor={chat.anchor} />}
      {(badge !== null || chat.state === "resolved") && (
        <p class="badges">
          {chat.state === "resolved" && <span class="badge calm">{strings.resolved}</span>}
          {badge !== null && <span class={`badge ${location.state}`}>{badge}</span>}
        </p>
      )}
    </>
  );
}

/** What was quoted, and what stands there now. */
function ChangedText({ anchor: { quote }, now }: { anchor: Anchor; now: string }): VNode {
  return (
    <blockquote dir="auto">
      <del>{quote.tail === undefined ? quote.exact : `${quote.exact} … ${quote.tail}`}</del> <ins>{now}</ins>
    </blockquote>
  );
}

export function QuotedText({ anchor }: { anchor: Anchor }): VNode {
  const { exact, tail } = anchor.quote;
  return (
    <blockquote dir="auto">
      {exact}
      {tail !== undefined && ` … ${tail}`}
    </blockquote>
  );
}
