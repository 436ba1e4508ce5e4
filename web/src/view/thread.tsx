import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { Comment } from "./comment";
import { Composer } from "./composer";
import { Confirm } from "./confirm";
import { useModel } from "./context";
import { CheckIcon, ReopenIcon, TrashIcon } from "./icons";
import type { Discussion } from "./model";
import { nameOf } from "./person";
import { Quote } from "./quote";
import { filled } from "./strings";

/** One discussion: the passage, the comments, the reply box. */
export function Thread({ discussion }: { discussion: Discussion }): VNode {
  const { model, strings } = useModel();
  const [deleting, setDeleting] = useState(false);
  const { chat } = discussion;
  const resolved = chat.state === "resolved";
  const typing = model.typing.get(chat.id);
  return (
    <section class="thread" data-parley="thread" data-id={chat.id} data-state={chat.state} aria-label={strings.panel}>
      <Quote discussion={discussion} />
      {model.mayWrite && (
        <div class="tools">
          <button
            type="button"
            class="tool"
            data-parley={resolved ? "reopen" : "resolve"}
            onClick={() => model.do({ op: resolved ? "reopen" : "resolve", chat: chat.id })}
          >
            {resolved ? <ReopenIcon /> : <CheckIcon />}
            {resolved ? strings.reopen : strings.resolve}
          </button>
          {model.mayDelete(chat) && (
            <button type="button" class="tool" data-parley="delete-chat" onClick={() => setDeleting(true)}>
              <TrashIcon />
              {strings.deleteChat}
            </button>
          )}
        </div>
      )}
      {deleting && (
        <Confirm
          question={strings.confirmDelete}
          yes={strings.yesDelete}
          no={strings.keep}
          onYes={() => {
            model.do({ op: "delete-chat", chat: chat.id });
            model.show({ kind: "list" });
          }}
          onNo={() => setDeleting(false)}
        />
      )}
      <div class="comments" role="log" aria-live="polite" aria-relevant="additions">
        {chat.comments.map((comment) => (
          <Comment key={comment.id} chat={chat} comment={comment} />
        ))}
      </div>
      <p class="typing" aria-hidden="true">
        {typing === undefined ? "" : filled(strings.typing, { name: nameOf(typing.person, strings) })}
      </p>
      {model.mayWrite && (
        <Composer
          key={chat.id}
          draft={`reply:${chat.id}`}
          label={strings.replyLabel}
          placeholder={strings.replyHint}
          action={strings.send}
          hook="reply"
          actionHook="send"
          focus={false}
          onSend={(text) => model.do({ op: "reply", chat: chat.id, text })}
          onTyping={() => model.client.typing(model.page, chat.id)}
        />
      )}
    </section>
  );
}
