import type { VNode } from "preact";
import { When } from "./comment";
import { useModel } from "./context";
import type { Discussion } from "./model";
import { Avatar, nameOf } from "./person";
import { Quote } from "./quote";
import { counted } from "./strings";

/** All discussions: the open ones in the order of the text, then resolved ones, then those whose text is gone. */
export function DiscussionList(): VNode {
  const { model, strings } = useModel();
  const { discussions, view } = model;
  const gone = discussions.filter(({ location }) => location.state === "orphan");
  const here = discussions.filter(({ location }) => location.state !== "orphan");
  const open = here.filter(({ chat }) => chat.state === "open");
  const resolved = here.filter(({ chat }) => chat.state === "resolved");
  if (discussions.length === 0 && model.begun.length === 0) {
    if (view.phase === "forbidden") return <p class="empty">{strings.forbiddenNote}</p>;
    if (!view.loaded) return <p class="empty">{strings.loading}</p>;
    return <p class="empty">{model.mayWrite ? strings.empty : strings.emptyReadOnly}</p>;
  }
  return (
    <>
      {model.begun.length > 0 && (
        <ul class="cards">
          {model.begun.map(({ anchor, text }) => (
            <li key={`${anchor.position.start}:${anchor.position.end}`}>
              <button type="button" class="card" data-parley="draft" onClick={() => model.show({ kind: "new", anchor })}>
                <span class="text" dir="auto">
                  {text}
                </span>
                <span class="meta">
                  <span class="note unsent">{strings.draft}</span>
                </span>
              </button>
            </li>
          ))}
        </ul>
      )}
      <Cards discussions={open} />
      {resolved.length > 0 && (
        <details>
          <summary>
            {strings.resolvedSection} ({resolved.length})
          </summary>
          <Cards discussions={resolved} />
        </details>
      )}
      {gone.length > 0 && (
        <>
          <h3>{strings.goneSection}</h3>
          <Cards discussions={gone} />
        </>
      )}
    </>
  );
}

function Cards({ discussions }: { discussions: readonly Discussion[] }): VNode {
  return (
    <ul class="cards">
      {discussions.map((discussion) => (
        <li key={discussion.chat.id}>
          <Card discussion={discussion} />
        </li>
      ))}
    </ul>
  );
}

function Card({ discussion }: { discussion: Discussion }): VNode {
  const { model, strings } = useModel();
  const { chat, location } = discussion;
  const first = chat.comments[0];
  const replies = chat.comments.length - 1;
  const unsent = chat.comments.some(({ delivery }) => delivery === "unsent");
  return (
    <button
      type="button"
      class="card"
      data-parley="discussion"
      data-id={chat.id}
      data-location={location.state}
      onClick={() => {
        model.show({ kind: "chat", id: chat.id });
        model.reveal(discussion);
      }}
    >
      <Quote discussion={discussion} />
      <span class="text" dir="auto">
        {first?.text}
      </span>
      <span class="meta">
        <Avatar person={chat.by} strings={strings} />
        <b dir="auto">{nameOf(chat.by, strings)}</b>
        <When at={chat.at} now={model.client.now()} strings={strings} />
        {replies > 0 && <span>{counted(strings, strings.replies, replies)}</span>}
        {unsent && <span class="note unsent">{strings.unsent}</span>}
      </span>
    </button>
  );
}
