/** Every sentence of the interface. A language is one such table; plural forms are chosen by `Intl.PluralRules`. */
type Forms = Partial<Record<Intl.LDMLPluralRule, string>> & { other: string };

const EN = {
  locale: "en",
  bar: "Discussions on this page",
  panel: "Discussions",
  readers: { one: "# reader", other: "# readers" } as Forms,
  discussions: { one: "# discussion", other: "# discussions" } as Forms,
  replies: { one: "# reply", other: "# replies" } as Forms,
  notSentCount: { one: "# not sent", other: "# not sent" } as Forms,
  open: "Open discussions",
  close: "Close discussions",
  back: "All discussions",
  discuss: "Discuss",
  newDiscussion: "New discussion",
  composer: "Start a discussion about this passage",
  replyLabel: "Reply",
  replyHint: "Reply…",
  send: "Send",
  cancel: "Cancel",
  edit: "Edit",
  editLabel: "Edit your text",
  save: "Save",
  remove: "Remove",
  resolve: "Resolve",
  reopen: "Reopen",
  deleteChat: "Delete discussion",
  confirmRemove: "Remove this comment?",
  confirmDelete: "Delete the whole discussion?",
  yesRemove: "Remove",
  yesDelete: "Delete",
  keep: "Keep",
  edited: "edited",
  resolved: "Resolved",
  resolvedSection: "Resolved",
  goneSection: "No longer on the page",
  changedBadge: "Text changed",
  uncertainBadge: "Place uncertain",
  goneBadge: "Text is gone",
  draft: "Draft",
  unsent: "Not sent yet",
  sending: "Sending…",
  someone: "Someone",
  you: "You",
  empty: "No discussions yet. Select a passage to start one.",
  emptyReadOnly: "No discussions yet.",
  loading: "Loading discussions…",
  stateLive: "Live",
  stateConnecting: "Connecting…",
  stateOffline: "Offline",
  stateStopped: "Not available",
  offlineNote: "You are offline. You can keep reading and writing: it is sent when the connection is back.",
  stoppedNote: "Discussions are not available here. You can still read what is already loaded.",
  forbiddenNote: "You may not see the discussions of this page.",
  refusedTitle: "Not sent",
  tryAgain: "Try again",
  discard: "Discard",
  typing: "# is typing…",
};

export type Strings = typeof EN;

export const english: Strings = EN;

/** The form for a number, with the number in it as the language writes it. */
export function counted(strings: Strings, forms: Forms, count: number): string {
  const form = forms[new Intl.PluralRules(strings.locale).select(count)] ?? forms.other;
  return form.replace("#", new Intl.NumberFormat(strings.locale).format(count));
}

const STEPS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

/** "2 minutes ago", by two moments in milliseconds. A moment ahead of the reader's clock is now. */
export function ago(strings: Strings, at: number, now: number): string {
  const seconds = Math.max(0, Math.round((now - at) / 1_000));
  const format = new Intl.RelativeTimeFormat(strings.locale, { numeric: "auto" });
  for (const [unit, size] of STEPS) if (seconds >= size) return format.format(-Math.floor(seconds / size), unit);
  return format.format(0, "second");
}
