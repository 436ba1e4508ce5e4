import type { VNode } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { useModel } from "./context";

interface Props {
  /** Names the draft: text that was begun is there again whenever the same place is opened. */
  readonly draft: string;
  readonly label: string;
  readonly placeholder?: string;
  readonly action: string;
  readonly hook: string;
  readonly actionHook: string;
  readonly focus: boolean;
  onSend(text: string): void;
  onCancel?(): void;
  onTyping?(): void;
}

/** A box for text. Ctrl+Enter or Cmd+Enter sends, as the button does; nothing typed is ever lost by closing it. */
export function Composer(props: Props): VNode {
  const { model, strings } = useModel();
  const { extras } = model;
  const box = useRef<HTMLTextAreaElement>(null);
  const [, moved] = useState<unknown>();
  const text = model.draft(props.draft);
  useLayoutEffect(() => {
    if (props.focus) box.current?.focus({ preventScroll: true });
  }, [props.focus, props.draft]);
  useLayoutEffect(() => {
    const area = box.current;
    if (area === null) return;
    area.style.height = "auto";
    area.style.height = `${Math.min(area.scrollHeight + 2, 240)}px`;
  }, [text]);
  const send = (): void => {
    const ready = model.draft(props.draft).trim();
    if (ready === "") return;
    model.write(props.draft, "");
    props.onSend(extras?.written(ready, model.names) ?? ready);
  };
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <textarea
        ref={box}
        rows={2}
        dir="auto"
        aria-label={props.label}
        placeholder={props.placeholder ?? ""}
        data-parley={props.hook}
        value={text}
        onKeyUp={() => moved({})}
        onClick={() => moved({})}
        onInput={(event) => {
          model.write(props.draft, event.currentTarget.value);
          props.onTyping?.();
        }}
        onKeyDown={(event) => {
          if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.isComposing) {
            event.preventDefault();
            send();
          }
        }}
      />
      {extras && box.current && text.includes("@") && <extras.MentionList box={box.current} onText={(named: string) => model.write(props.draft, named)} />}
      <div class="actions">
        {props.onCancel !== undefined && (
          <button type="button" class="quiet" onClick={props.onCancel}>
            {strings.cancel}
          </button>
        )}
        <button type="submit" class="primary" disabled={text.trim() === ""} data-parley={props.actionHook}>
          {props.action}
        </button>
      </div>
    </form>
  );
}
