import type { VNode } from "preact";
import { useState } from "preact/hooks";
import type { ChatView, CommentView } from "../connection/overlay";
import { Composer } from "./composer";
import { useModel } from "./context";
import { Avatar, nameOf } from "./person";
import { type Strings, ago } from "./strings";

/** One comment of a thread: who, when, the text; and what this reader may do with it. */
export function Comment({ chat, comment }: { chat: ChatView; comment: CommentView }): VNode {
  const { model, strings } = useModel();
  const [mode, setMode] = useState<"read" | "edit">("read");
  const { extras } = model;
  const first = comment.id === chat.id;
  const draft = `edit:${comment.id}`;
  const edit = (): void => {
    if (model.draft(draft) === "") model.write(draft, extras?.readable(comment.text, model.names) ?? comment.text);
    setMode("edit");
  };
  return (
    <article class={`comment ${comment.delivery}`} data-parley="comment" data-id={comment.id} data-delivery={comment.delivery} tabIndex={-1}>
      <header>
        <Avatar person={comment.by} strings={strings} />
        <b dir="auto">{nameOf(comment.by, strings)}</b>
        <When at={comment.at} now={model.client.now()} strings={strings} />
        {comment.edited && <span class="note">{strings.edited}</span>}
        {comment.delivery === "unsent" && <span class="note unsent">{strings.unsent}</span>}
        {comment.delivery === "sending" && <span class="note late">{strings.sending}</span>}
      </header>
      {mode === "edit" ? (
        <Composer
          draft={draft}
          label={strings.editLabel}
          action={strings.save}
          hook="edit-text"
          actionHook="save"
          focus
          onSend={(text) => {
            setMode("read");
            if (text !== comment.text) model.do({ op: "edit", chat: chat.id, comment: comment.id, text });
          }}
          onCancel={() => {
            model.write(draft, "");
            setMode("read");
          }}
        />
      ) : (
        (extras && <extras.Body text={comment.text} me={model.me?.id} />) || (
          <div class="text" dir="auto">
            {comment.text}
          </div>
        )
      )}
      {mode === "read" && (
        <footer>
          {extras && <extras.Reactions chat={chat} comment={comment} />}
          {model.mayEdit(comment) && (
            <button type="button" class="link" data-parley="edit" onClick={edit}>
              {strings.edit}
            </button>
          )}
          {!first && model.mayRemove(comment) && (
            <button type="button" class="link" data-parley="remove" onClick={() => model.remove({ op: "remove-comment", chat: chat.id, comment: comment.id })}>
              {strings.remove}
            </button>
          )}
        </footer>
      )}
    </article>
  );
}

/** `now` by the same clock as `at`: the server's. */
export function When({ at, now, strings }: { at: number; now: number; strings: Strings }): VNode {
  const date = new Date(at);
  return (
    <time dateTime={date.toISOString()} title={date.toLocaleString(strings.locale)}>
      {ago(strings, at, now)}
    </time>
  );
}
