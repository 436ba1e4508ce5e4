import type { Options, ParleyEvents } from "parley-widget";
import type { ReactElement } from "react";

export interface DiscussionsProps extends Options {
  onReady?(detail: ParleyEvents["parley:ready"]): void;
  onCount?(detail: ParleyEvents["parley:count"]): void;
  onChatCreated?(detail: ParleyEvents["parley:chat-created"]): void;
  onState?(detail: ParleyEvents["parley:state"]): void;
  onError?(detail: ParleyEvents["parley:error"]): void;
}

/** Discussions on this page, from mount to unmount. */
export function Discussions(props: DiscussionsProps): ReactElement;
