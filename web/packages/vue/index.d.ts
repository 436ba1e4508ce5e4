import type { Options, ParleyEvents } from "parley-widget";
import type { DefineComponent } from "vue";

/** Discussions on this page, from mount to unmount. */
export const Discussions: DefineComponent<
  Options,
  object,
  object,
  object,
  object,
  object,
  object,
  {
    ready: (detail: ParleyEvents["parley:ready"]) => void;
    count: (detail: ParleyEvents["parley:count"]) => void;
    "chat-created": (detail: ParleyEvents["parley:chat-created"]) => void;
    state: (detail: ParleyEvents["parley:state"]) => void;
    error: (detail: ParleyEvents["parley:error"]) => void;
  }
>;
