import type { VNode } from "preact";

function icon(path: string): VNode {
  return (
    <svg viewBox="0 0 24 24" width="18" height="18" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">
      <path d={path} />
    </svg>
  );
}

export const CommentIcon = (): VNode => icon("M21 12a8 8 0 0 1-8 8H4l2.2-3.3A8 8 0 1 1 21 12Z");
export const CloseIcon = (): VNode => icon("M6 6l12 12M18 6 6 18");
export const BackIcon = (): VNode => icon("M15 5l-7 7 7 7");
export const CheckIcon = (): VNode => icon("M5 12.5l4.5 4.5L19 7.5");
export const ReopenIcon = (): VNode => icon("M4 9a8 8 0 1 1-.5 5M4 4v5h5");
export const TrashIcon = (): VNode => icon("M5 7h14M10 7V4.5h4V7M7 7l1 12.5h8L17 7");
export const PeopleIcon = (): VNode => icon("M9 11.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7ZM2.5 20a6.5 6.5 0 0 1 13 0M16 5a3.5 3.5 0 0 1 0 6.4M18.5 14a6.5 6.5 0 0 1 3 6");
export const SmileIcon = (): VNode => icon("M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM8.5 14.5a4.5 4.5 0 0 0 7 0M9 9.5v.01M15 9.5v.01");
export const LinkIcon = (): VNode => icon("M10 14a4 4 0 0 0 6 .5l3-3A4.2 4.2 0 0 0 13 5.5L11.5 7M14 10a4 4 0 0 0-6-.5l-3 3A4.2 4.2 0 0 0 11 18.5l1.5-1.5");
