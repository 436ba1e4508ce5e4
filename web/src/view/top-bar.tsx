import type { VNode } from "preact";
import type { LinkState } from "../connection/link";
import { useModel } from "./context";
import { CommentIcon, PeopleIcon } from "./icons";
import { type Strings, counted } from "./strings";

type Shown = "live" | "connecting" | "offline" | "stopped";

/** Readers now, discussions, connection: always in sight, never in the way. */
export function TopBar({ floating }: { floating: boolean }): VNode {
  const { model, strings } = useModel();
  const { view, extras } = model;
  const state = connection(model.client.state, view.phase === "joined");
  const open = model.shown.kind !== "closed";
  return (
    <div class={`bar ${floating ? "floating" : ""}`} role="group" aria-label={strings.bar} data-parley="topbar">
      <span class={`state ${state}`} data-parley="state" data-state={state} role="status">
        <i class="dot" aria-hidden="true" />
        {label(strings, state)}
      </span>
      {view.readers !== null && (
        <span class="readers" data-parley="readers" data-count={view.readers}>
          <PeopleIcon />
          {counted(strings, strings.readers, view.readers)}
        </span>
      )}
      {extras && <extras.Stack />}
      <button
        class="chip"
        type="button"
        aria-expanded={open}
        title={open ? strings.close : strings.open}
        data-parley="discussions"
        data-count={model.discussions.length}
        onClick={() => model.show(open ? { kind: "closed" } : { kind: "list" })}
      >
        <CommentIcon />
        {counted(strings, strings.discussions, model.discussions.length)}
        {extras && <extras.Fresh />}
        {view.refused.length > 0 && <b class="warn">{counted(strings, strings.notSentCount, view.refused.length)}</b>}
      </button>
    </div>
  );
}

export function connection(state: LinkState, joined: boolean): Shown {
  if (state.name === "stopped") return "stopped";
  if (state.name === "open") return joined ? "live" : "connecting";
  if (state.name === "waiting" || !navigator.onLine) return "offline";
  return "connecting";
}

function label(strings: Strings, state: Shown): string {
  switch (state) {
    case "live":
      return strings.stateLive;
    case "connecting":
      return strings.stateConnecting;
    case "offline":
      return strings.stateOffline;
    case "stopped":
      return strings.stateStopped;
  }
}
