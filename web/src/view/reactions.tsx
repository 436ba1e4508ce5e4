import type { VNode } from "preact";
import { useState } from "preact/hooks";
import type { ChatView, CommentView } from "../connection/overlay";
import { reactions } from "../people/reactions";
import { useModel } from "./context";
import { SmileIcon } from "./icons";
import { ReactionPicker } from "./reaction-picker";
import { nameOf } from "./person";

/** What people chose under a comment, each to join or to leave, and the way to more. */
export function Reactions({ chat, comment }: { chat: ChatView; comment: CommentView }): VNode | null {
  const { model, strings } = useModel();
  const [open, setOpen] = useState(false);
  const given = reactions(comment.reactions, model.me?.id ?? "");
  const may = model.mayWrite && comment.delivery !== "unsent";
  if (given.length === 0 && !may) return null;
  const react = (emoji: string, on: boolean): void => {
    model.do({ op: "react", chat: chat.id, comment: comment.id, emoji, on });
    setOpen(false);
  };
  return (
    <>
      {given.map(({ emoji, count, mine, by }) => (
        <button
          key={emoji}
          type="button"
          class="reaction"
          aria-pressed={mine}
          disabled={!may}
          title={by.flatMap((id) => model.author(id) ?? (id === model.me?.id ? model.me : [])).map((person) => nameOf(person, strings)).join(", ")}
          data-parley="reaction"
          data-emoji={emoji}
          onClick={() => react(emoji, !mine)}
        >
          {emoji} {count}
        </button>
      ))}
      {may && (
        <button
          type="button"
          class="link"
          aria-label={strings.react}
          title={strings.react}
          aria-expanded={open}
          data-parley="react"
          onClick={() => setOpen(!open)}
        >
          <SmileIcon />
        </button>
      )}
      {open && <ReactionPicker onPick={(emoji: string) => react(emoji, !given.some((one) => one.mine && one.emoji === emoji))} onClose={() => setOpen(false)} />}
    </>
  );
}
