import type { VNode } from "preact";
import { useEffect, useRef } from "preact/hooks";

/** A question before something cannot be undone; the harmless answer has the focus. */
export function Confirm(props: { question: string; yes: string; no: string; onYes(): void; onNo(): void }): VNode {
  const no = useRef<HTMLButtonElement>(null);
  useEffect(() => no.current?.focus(), []);
  return (
    <div class="confirm" role="group" aria-label={props.question}>
      <span>{props.question}</span>
      <button type="button" class="danger" data-parley="confirm" onClick={props.onYes}>
        {props.yes}
      </button>
      <button type="button" class="quiet" ref={no} onClick={props.onNo}>
        {props.no}
      </button>
    </div>
  );
}
