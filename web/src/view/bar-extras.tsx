import type { VNode } from "preact";
import type { ChatView } from "../connection/overlay";
import { useModel } from "./context";
import { Avatar, nameOf } from "./person";
import { counted } from "./strings";

/** Faces that fit into the bar. */
const FACES = 3;

/** Who wrote here, the latest first. */
export function Stack(): VNode | null {
  const { model, strings } = useModel();
  const latest = model.authors().slice(0, FACES);
  if (latest.length === 0) return null;
  return (
    <span class="stack" title={latest.map((person) => nameOf(person, strings)).join(", ")} data-parley="people">
      {latest.map((person) => (
        <Avatar key={person.id} person={person} strings={strings} />
      ))}
    </span>
  );
}

/** How many comments of one discussion, or of all, are new to this reader. */
export function Fresh({ chat }: { chat?: ChatView }): VNode | null {
  const { model, strings } = useModel();
  const chats = chat === undefined ? model.view.chats : [chat];
  const fresh = chats.reduce((sum, one) => sum + (model.reading?.unread(one) ?? 0), 0);
  return fresh > 0 ? (
    <b class="new" data-parley="unread" data-count={fresh}>
      {counted(strings, strings.newCount, fresh)}
    </b>
  ) : null;
}
