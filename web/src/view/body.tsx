import type { VNode } from "preact";
import { type Piece, parse } from "../people/markup";

/** A comment's text as nodes: no string of it is ever markup of the page. */
export function Body({ text, me }: { text: string; me: string | undefined }): VNode {
  return (
    <div class="text" dir="auto">
      {draw(parse(text), me)}
    </div>
  );
}

function draw(pieces: readonly Piece[], me: string | undefined): (VNode | string)[] {
  return pieces.map(({ kind, text, parts, to }) => {
    switch (kind) {
      case "strong":
        return <strong>{draw(parts ?? [], me)}</strong>;
      case "em":
        return <em>{draw(parts ?? [], me)}</em>;
      case "code":
        return <code>{text}</code>;
      case "block":
        return <pre tabIndex={0}>{text}</pre>;
      case "link":
        return (
          <a href={to as string} target="_blank" rel="nofollow ugc noopener noreferrer">
            {text}
          </a>
        );
      case "mention":
        return <span class={`mention ${to === me ? "me" : ""}`}>{text}</span>;
      case "text":
        return text;
    }
  });
}
