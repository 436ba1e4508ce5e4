import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { linkTo } from "../people/links";
import { useModel } from "./context";
import { CheckIcon, LinkIcon } from "./icons";

/** A discussion's own address, to copy or to open. */
export function CopyLink({ id }: { id: string }): VNode {
  const { strings } = useModel();
  const [copied, setCopied] = useState(false);
  const link = linkTo(location.href, id);
  return (
    <a
      class="tool"
      href={link}
      data-parley="copy-link"
      onClick={(event) => {
        if (navigator.clipboard === undefined || event.ctrlKey || event.metaKey || event.shiftKey) return; // then it is a link like any other
        event.preventDefault();
        void navigator.clipboard.writeText(link).then(() => setCopied(true), () => location.assign(link));
      }}
    >
      {copied ? <CheckIcon /> : <LinkIcon />}
      <span role="status">{copied ? strings.copied : strings.copyLink}</span>
    </a>
  );
}
