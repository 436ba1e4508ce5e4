import type { VNode } from "preact";
import { Comment } from "./comment";
import { Composer } from "./composer";
import { useModel } from "./context";
import { CheckIcon, ReopenIcon, TrashIcon } from "./icons";
import type { Discussion } from "./model";
import { nameOf } from "./person";
import { Quote } from "./quote";
import { filled } from "./strings";

/** One discussion: the passage, the comments, the reply box. `gone`: somebody deleted it while it was open here. */
export function Thread({ discussion, gone }: { discussion: Discussion; gone: boolean }): VNode {
  const { model, strings } = useModel();
  const { extras } = model;
  const { chat } = discussion;
  const resolved = chat.state === "resolved";
  const typing = model.typing.get(chat.id);
  const may = model.mayWrite && !gone;
  return (
    <section class="thread" data-parley="thread" data-id={chat.id} data-state={chat.state} aria-label={strings.panel}>
      <Quote discussion={discussion} />
      <div class="tools">
        {may && (
          <button
            type="button"
            class="tool"
            data-parley={resolved ? "reopen" : "resolve"}
            onClick={() => model.do({ op: resolved ? "reopen" : "resolve", chat: chat.id })}
          >
            {resolved ? <ReopenIcon /> : <CheckIcon />}
            {resolved ? strings.reopen : strings.resolve}
          </button>
        )}
        {extras && chat.delivery === "kept" && !gone && <extras.CopyLink id={chat.id} />}
        {may && model.mayDelete(chat) && (
          <button
            type="button"
            class="tool"
            data-parley="delete-chat"
            onClick={() => {
              model.remove({ op: "delete-chat", chat: chat.id });
              model.show({ kind: "list" });
            }}
          >
            <TrashIcon />
            {strings.deleteChat}
          </button>
        )}
      </div>
      <div class="comments" role="log" aria-live="polite" aria-relevant="additions">
        {chat.comments.map((comment) => (
          <Comment key={comment.id} chat={chat} comment={comment} />
        ))}
      </div>
      {extras && <extras.End discussion={discussion} />}
      <p class="typing" aria-hidden="true">
        {typing === undefined ? "" : filled(strings.typing, { name: nameOf(typing.person, strings) })}
      </p>
      {model.mayWrite ? (
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
      ) : (
        model.me !== null && <p class="notice">{strings.readOnly}</p>
      )}
    </section>
  );
}
