import type { VNode } from "preact";
import { useModel } from "./context";
import { CloseIcon } from "./icons";
import { Refusals } from "./refusals";
import { sentence } from "./sentences";
import { connection } from "./top-bar";

/** Refusals that hold for everything that is written here, not only for one change. */
const LASTING = ["banned", "over-quota", "suspended"];

/** What stands between this reader and the discussions, if anything does; what to do; and what was not taken. */
export function Notices(): VNode {
  const { model, strings } = useModel();
  const { state } = model.client;
  const { view, shown } = model;
  const missing = shown.kind === "chat" && view.loaded && !view.chats.some(({ id }) => id === shown.id);
  const code =
    connection(state, view.phase === "joined") === "offline" ? "offline"
    : state.name === "stopped" ? state.code
    : (LASTING.find((lasting) => view.refused.some((refused) => refused.code === lasting)) ?? (missing ? "unknown-chat" : null));
  return (
    <>
      {code !== null && (
        <p class="notice" role="status" data-parley="notice" data-code={code}>
          {code === "offline" ? strings.offlineNote : code === "unknown-chat" ? strings.chatGone : (sentence(code, strings) ?? strings.stoppedNote)}
        </p>
      )}
      <Refusals said={LASTING.find((lasting) => lasting === code)} />
    </>
  );
}

/** What was deleted can be had back for a while. */
export function UndoBar(): VNode | null {
  const { model, strings } = useModel();
  const { undo } = model;
  if (undo === null || undo.held === null) return null;
  return (
    <p class="undo" role="status">
      <span>{strings.removed}</span>
      <button type="button" class="link" data-parley="undo" onClick={() => undo.back()}>
        {strings.undo}
      </button>
      <button type="button" class="icon" aria-label={strings.dismiss} title={strings.dismiss} data-parley="confirm" onClick={() => undo.send()}>
        <CloseIcon />
      </button>
    </p>
  );
}
