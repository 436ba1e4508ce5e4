import { personIn } from "./mentions";

/**
 * The small markup of a comment: `**strong**`, `*emphasis*` or `_emphasis_`, `` `code` ``, fences of three backticks around
 * lines of code, bare `http:`, `https:` and `mailto:` addresses, and mentions (mentions.ts). Everything else is text.
 */
export type PieceKind = "text" | "strong" | "em" | "code" | "block" | "link" | "mention";

export interface Piece {
  readonly kind: PieceKind;
  /** What was written, markers included: the sources of a text's pieces, joined, are the text. */
  readonly source: string;
  /** What is read, where no parts are in it. */
  readonly text: string;
  /** What is inside of `strong` and `em`. */
  readonly parts?: readonly Piece[];
  /** Of a link: its address. Of a mention: the person's id. */
  readonly to?: string;
}

/** Emphasis ends on its line and within so many characters; so many markers that end nothing cost little. UTF-16 units. */
const SPAN = 500;
/** Emphasis in emphasis, at most. Deeper ones stay text. */
const DEPTH = 4;

const ADDRESS = String.raw`(?:https?:\/\/|mailto:)(?:\([^\s<>"()\u3000-\u303f\uff00-\uffef]*\)|[^\s<>"()\u3000-\u303f\uff00-\uffef])*(?:\([^\s<>"()]*\)|[\p{L}\p{N}\/#=&%+~@$-])`;
const PIECES = new RegExp(
  [
    "```\\n?([^]+?)\\n?```",
    "`([^`\\n]+)`",
    String.raw`@\[([^\]\n]{1,128})\]\(([^()\s]{1,400})\)`,
    String.raw`(?<![\p{L}\p{N}])(${ADDRESS})`,
    String.raw`(?<![\p{L}\p{N}*_])(\*\*|\*(?!\*)|_)(?=\S)([^\n]{0,${SPAN}}?[^\s\n])\6(?![\p{L}\p{N}*_])`,
  ].join("|"),
  "giu",
);

export function parse(source: string, depth = 0): Piece[] {
  const pieces: Piece[] = [];
  let done = 0;
  const plain = (until: number): void => {
    const text = source.slice(done, until);
    if (text !== "") pieces.push({ kind: "text", source: text, text });
  };
  for (const found of source.matchAll(PIECES)) {
    const [whole, block, code, name, id, address, marker, inner] = found;
    if (marker !== undefined && depth >= DEPTH) continue;
    plain(found.index);
    done = found.index + whole.length;
    if (block !== undefined) pieces.push({ kind: "block", source: whole, text: block });
    else if (code !== undefined) pieces.push({ kind: "code", source: whole, text: code });
    else if (name !== undefined) pieces.push({ kind: "mention", source: whole, text: `@${name}`, to: personIn(id ?? "") });
    else if (address !== undefined) pieces.push({ kind: "link", source: whole, text: address, to: address });
    else pieces.push({ kind: marker === "**" ? "strong" : "em", source: whole, text: "", parts: parse(inner ?? "", depth + 1) });
  }
  plain(source.length);
  return pieces;
}

/** A comment's words without markers, for a line in a list. */
export function plainText(source: string): string {
  return read(parse(source));
}

function read(pieces: readonly Piece[]): string {
  return pieces.map(({ parts, text }) => (parts === undefined ? text : read(parts))).join("");
}
