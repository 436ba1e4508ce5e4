import { PAGE } from "../test/connection/fixtures";
import type { Stage } from "./stage";

/** Every state in which the widget may be looked at, by how it comes about. */
export const STATES: Readonly<Record<string, (stage: Stage) => Promise<void>>> = {
  closed: async (stage) => stage.join(several(stage)),
  empty: async (stage) => {
    await stage.join();
    await stage.click("discussions");
  },
  "empty-read-only": async (stage) => {
    await stage.join([], { role: "reader" });
    await stage.click("discussions");
  },
  loading: async (stage) => {
    await stage.greet();
    await stage.click("discussions");
  },
  "one-discussion": async (stage) => {
    await stage.join([stage.chat(0, stage.content.comments.slice(0, 1))]);
    await stage.click("discussions");
  },
  list: async (stage) => {
    await stage.join(several(stage));
    await stage.click("discussions");
  },
  "many-discussions": async (stage) => {
    const { comments, passages } = stage.content;
    const chats = Array.from({ length: 60 }, (_, at) => stage.chat(at % passages.length, [comments[at % 6] as string], { id: `many-${at}` }));
    await stage.join(chats);
    await stage.click("discussions");
  },
  "long-words": async (stage) => {
    const { longWord } = stage.content;
    const by = { id: "u9", name: longWord.split(" ")[0] };
    await stage.join([stage.chat(0, [longWord, { text: longWord, by }], { by })]);
    await thread(stage, 0);
  },
  "long-words-list": async (stage) => {
    const { longWord } = stage.content;
    await stage.join([stage.chat(0, [longWord, longWord], { by: { id: "u9", name: longWord.split(" ")[0] } })]);
    await stage.click("discussions");
  },
  thread: async (stage) => {
    await stage.join([stage.chat(0, stage.content.comments.slice(0, 3))]);
    await thread(stage, 0);
  },
  "thread-of-mine": async (stage) => {
    await stage.join([stage.chat(0, [stage.content.comments[0] as string, { text: stage.content.comments[1], edited: 1 }], { by: stage.people[0] })]);
    await thread(stage, 0);
  },
  "read-only": async (stage) => {
    await stage.join([stage.chat(0, stage.content.comments.slice(0, 2))], { role: "reader" });
    await thread(stage, 0);
  },
  moderator: async (stage) => {
    await stage.join([stage.chat(0, stage.content.comments.slice(0, 3))], { role: "moderator", id: "u8" });
    await thread(stage, 0);
  },
  resolved: async (stage) => {
    await stage.join([stage.chat(0, stage.content.comments.slice(0, 2), { state: "resolved" })]);
    await thread(stage, 0);
  },
  changed: async (stage) => {
    await stage.join([stage.chat(stage.content.changed, stage.content.comments.slice(3, 4))]);
    await stage.click("discussions");
  },
  gone: async (stage) => {
    await stage.join([stage.chat(stage.content.gone, stage.content.comments.slice(4, 6))]);
    await thread(stage, stage.content.gone);
  },
  editing: async (stage) => {
    await stage.join([stage.chat(0, stage.content.comments.slice(0, 2))]);
    await thread(stage, 0);
    await stage.click("edit");
  },
  "comment-removed": async (stage) => {
    await stage.join([stage.chat(0, stage.content.comments.slice(0, 2))]);
    await thread(stage, 0);
    await stage.click("remove");
  },
  "discussion-deleted": async (stage) => {
    await stage.join([stage.chat(0, stage.content.comments.slice(0, 2), { by: stage.people[0] })]);
    await thread(stage, 0);
    await stage.click("delete-chat");
  },
  typing: async (stage) => {
    await stage.join([stage.chat(0, stage.content.comments.slice(0, 1))]);
    await thread(stage, 0);
    stage.receive({ t: "typing", page: PAGE, chat: "chat-0", reader: stage.people[2] });
  },
  sending: async (stage) => {
    await stage.join([stage.chat(0, stage.content.comments.slice(0, 1))]);
    await thread(stage, 0);
    await stage.type("reply", stage.content.comments[1] as string);
    await stage.click("send");
  },
  offline: async (stage) => {
    await stage.join([stage.chat(0, stage.content.comments.slice(0, 1))]);
    await thread(stage, 0);
    stage.world.socket.drop();
    await stage.type("reply", stage.content.comments[1] as string);
    await stage.click("send");
  },
  suspended: async (stage) => {
    await stage.join(several(stage));
    await stage.click("discussions");
    stage.world.socket.drop(4403, '{"code":"suspended"}');
  },
  forbidden: async (stage) => {
    await stage.greet();
    stage.receive({ t: "error", code: "forbidden", page: PAGE, message: "Your token does not allow this.", help: "Ask the site." });
    await stage.click("discussions");
  },
  "over-quota": (stage) => refused(stage, "over-quota", "The tenant's quota is used up.", "The site's owner can raise the plan; reading goes on."),
  banned: (stage) => refused(stage, "banned", "You may not write here any more.", "Ask the site's moderators; reading goes on."),
  "too-big": (stage) => refused(stage, "too-big", "This text is too long to send.", "Shorten it and try again."),
  "reactions-and-markup": async (stage) => {
    const [me, other] = stage.people.map(({ id }) => id);
    const text = `${stage.content.comments[1]} **bold** *soft* \`code\` https://example.org/well\n\`\`\`\nlitres = 10 * beds  # and a very long line of code that does not fit into the panel at all\n\`\`\``;
    const reactions = { "👍": [me, other, "u8"], "❤️": [other] };
    await stage.join([stage.chat(0, [{ text: stage.content.comments[0], reactions }, { text }])]);
    await thread(stage, 0);
  },
  "reaction-picker": async (stage) => {
    await stage.join([stage.chat(0, stage.content.comments.slice(0, 1))]);
    await thread(stage, 0);
    await stage.click("react");
  },
  mention: async (stage) => {
    await stage.join([stage.chat(0, stage.content.comments.slice(0, 3))]);
    await thread(stage, 0);
    stage.root.querySelector<HTMLElement>('[data-parley="reply"]')?.focus();
    await stage.type("reply", "@");
  },
  unread: async (stage) => {
    await stage.join(several(stage));
    await stage.click("discussions");
    const comment = { id: "fresh", by: stage.people[2], at: stage.ago(0), text: stage.content.comments[5] };
    const changed = { event: "updated-text-chat", seq: 51, broadcastId: "b51", chat: { id: "chat-1", seq: 51, comment } };
    const created = { event: "new-text-chat", seq: 52, broadcastId: "b52", chat: stage.chat(4, stage.content.comments.slice(4, 5), { seq: 52 }) };
    stage.receive({ t: "live", page: PAGE, epoch: "e1", after: 50, seq: 52, events: [changed, created] });
  },
  "nothing-found": async (stage) => {
    await stage.join(several(stage));
    await stage.click("discussions");
    await stage.type("search", "xyzzy");
  },
  "deleted-elsewhere": async (stage) => {
    await stage.join([stage.chat(0, stage.content.comments.slice(0, 2))]);
    await thread(stage, 0);
    stage.receive({ t: "live", page: PAGE, epoch: "e1", after: 50, seq: 51, events: [{ event: "deleted-text-chat", seq: 51, broadcastId: "b51", chat: { id: "chat-0" } }] });
  },
  "new-discussion": async (stage) => {
    await stage.join(several(stage));
    await begin(stage);
  },
  draft: async (stage) => {
    await stage.join(several(stage));
    await begin(stage);
    await stage.type("composer", stage.content.comments[5] as string);
    await stage.click("back");
  },
  "selected-text": async (stage) => {
    await stage.join([]);
    select(stage, 3);
    await stage.drawn();
  },
};

function several(stage: Stage): object[] {
  const { comments } = stage.content;
  return [
    stage.chat(0, comments.slice(0, 3)),
    stage.chat(1, comments.slice(4, 5), { by: stage.people[2], at: stage.ago(3) }),
    stage.chat(2, comments.slice(3, 5), { by: stage.people[3], at: stage.ago(2_000) }),
    stage.chat(3, comments.slice(5, 6), { by: stage.people[0], state: "resolved", at: stage.ago(40_000) }),
    stage.chat(stage.content.gone, comments.slice(4, 5), { at: stage.ago(80_000) }),
  ];
}

async function thread(stage: Stage, passage: number | string): Promise<void> {
  stage.model.show({ kind: "chat", id: `chat-${passage}` });
  await stage.drawn();
}

async function refused(stage: Stage, code: string, message: string, help: string): Promise<void> {
  await stage.join([stage.chat(0, stage.content.comments.slice(0, 2))]);
  await thread(stage, 0);
  await stage.type("reply", stage.content.comments[2] as string);
  await stage.click("send");
  const broadcastId = stage.world.socket.frames("do")[0]?.["broadcastId"];
  stage.receive({ t: "error", code, message, help, broadcastId });
}

function select(stage: Stage, passage: number): void {
  const words = stage.content.passages[passage] as string;
  for (const { firstChild } of document.querySelectorAll("main p")) {
    const at = firstChild?.textContent?.indexOf(words) ?? -1;
    if (firstChild === null || at < 0) continue;
    const range = document.createRange();
    range.setStart(firstChild, at);
    range.setEnd(firstChild, at + words.length);
    document.getSelection()?.removeAllRanges();
    document.getSelection()?.addRange(range);
    const anchor = stage.model.text.describe(range);
    if (anchor === null) throw new Error("the passage can be discussed");
    stage.model.select({ anchor, rect: range.getBoundingClientRect() });
  }
}

async function begin(stage: Stage): Promise<void> {
  select(stage, 5);
  stage.model.discuss();
  await stage.drawn();
}
