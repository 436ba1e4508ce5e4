import type { VNode } from "preact";
import { useEffect } from "preact/hooks";
import { When } from "./comment";
import { useModel, useSurroundings } from "./context";
import { memo } from "./memo";
import type { Discussion } from "./model";
import { Avatar, nameOf } from "./person";
import { Quote } from "./quote";
import { counted } from "./strings";

/** "2 minutes ago" in the list is so exact. */
const AGES_MS = 30_000;

/** A list as short as this needs no filter. */
const AT_A_GLANCE = 2;

/** All discussions: the open ones in the order of the text, then resolved ones, then those whose text is gone. */
export function DiscussionList(): VNode {
  const { model, strings } = useModel();
  const { view, reading, extras } = model;
  const me = model.me?.id ?? "";
  const found = model.discussions.filter(({ chat }) => !reading?.filter || extras?.passes(chat, reading.filter, me, reading.unread(chat)));
  const { shown: discussions, waiting } = reading?.arrivals.split(found, ({ chat }) => chat.id, ({ chat }) => chat.by.id === me) ?? { shown: found, waiting: 0 };
  useEffect(() => () => reading?.arrivals.reset(), [reading]);
  const gone = discussions.filter(({ location }) => location.state === "orphan");
  const here = discussions.filter(({ location }) => location.state !== "orphan");
  const open = here.filter(({ chat }) => chat.state === "open");
  const resolved = here.filter(({ chat }) => chat.state === "resolved");
  if (model.discussions.length === 0 && model.begun.length === 0) {
    if (view.phase === "forbidden") return <p class="empty">{strings.forbiddenNote}</p>;
    if (!view.loaded) return <p class="empty">{strings.loading}</p>;
    return <p class="empty">{model.mayWrite ? strings.empty : strings.emptyReadOnly}</p>;
  }
  return (
    <>
      {extras && model.discussions.length > AT_A_GLANCE && <extras.ListFilter />}
      {waiting > 0 && (
        <button type="button" class="primary new-discussions" data-parley="new-discussions" onClick={() => (reading?.arrivals.reset(), model.refresh())}>
          {counted(strings, strings.newCount, waiting)}
        </button>
      )}
      {found.length === 0 && model.discussions.length > 0 && <p class="empty">{strings.nothingFound}</p>}
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
        <details open={reading !== null && reading.filter !== null}>
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
  const { model } = useSurroundings();
  const now = Math.floor(model.client.now() / AGES_MS) * AGES_MS;
  return (
    <ul class="cards">
      {discussions.map((discussion) => (
        <li key={discussion.chat.id}>
          <Card discussion={discussion} now={now} extras={model.extras} />
        </li>
      ))}
    </ul>
  );
}

/** Of hundreds only those are drawn again of which something is new; `now` moves on with the ages that are shown. */
const Card = memo(({ discussion, now }: { discussion: Discussion; now: number; extras: unknown }): VNode => {
  const { model, strings } = useSurroundings();
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
        {model.extras?.plainText(first?.text ?? "") ?? first?.text}
      </span>
      <span class="meta">
        <Avatar person={chat.by} strings={strings} />
        <b dir="auto">{nameOf(chat.by, strings)}</b>
        <When at={chat.at} now={now} strings={strings} />
        {replies > 0 && <span>{counted(strings, strings.replies, replies)}</span>}
        {model.extras && <model.extras.Fresh chat={chat} />}
        {unsent && <span class="note unsent">{strings.unsent}</span>}
      </span>
    </button>
  );
});
