import type { VNode } from "preact";
import type { Refused } from "../connection/outbox";
import { useModel } from "./context";
import { QuotedText } from "./quote";
import { sentence } from "./sentences";

/** What the server did not take: why, unless a notice has `said` it, the text that was written, and a way to try again. */
export function Refusals({ said }: { said: string | undefined }): VNode | null {
  const { model } = useModel();
  if (model.view.refused.length === 0) return null;
  return (
    <div class="refusals" role={model.view.refused.every(({ code }) => code === said) ? undefined : "alert"}>
      {model.view.refused.map((refused) => (
        <Refusal key={refused.pending.broadcastId} refused={refused} said={said} />
      ))}
    </div>
  );
}

function Refusal({ refused, said }: { refused: Refused; said: string | undefined }): VNode {
  const { model, strings } = useModel();
  const { operation } = refused.pending;
  const text = "text" in operation ? operation.text : null;
  return (
    <section class="refusal" data-parley="refused" data-code={refused.code}>
      <b>{strings.refusedTitle}</b>
      {refused.code !== said && <p>{sentence(refused.code, strings) ?? `${refused.message} ${refused.help}`}</p>}
      {operation.op === "new-chat" && <QuotedText anchor={operation.anchor} />}
      {text !== null && (
        <p class="text" dir="auto">
          {text}
        </p>
      )}
      <div class="actions">
        <button type="button" class="quiet" data-parley="discard" onClick={() => model.client.discard(model.page, refused)}>
          {strings.discard}
        </button>
        <button type="button" class="primary" data-parley="try-again" onClick={() => model.client.retry(model.page, refused)}>
          {strings.tryAgain}
        </button>
      </div>
    </section>
  );
}
