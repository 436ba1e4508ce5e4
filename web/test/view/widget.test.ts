// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { quoteAt } from "../../src/anchoring/describe";
import { KnownNodes, TextIndex } from "../../src/anchoring/text-index";
import { Client } from "../../src/connection/client";
import { Model } from "../../src/view/model";
import { isOurs, mount } from "../../src/view/mount";
import "../../src/anchoring/locate"; // what is fetched when it is needed is here at once
import { PageText } from "../../src/view/page-text";
import { english } from "../../src/view/strings";
import "../../src/view/around"; // what is fetched when it is needed is here at once
import "../../src/view/people";
import "../../src/view/reader";
import { ANN, BO, PAGE, chat, created, deleted, live, page, updated } from "../connection/fixtures";
import { SimulatedWorld, settle } from "../connection/simulated-world";

// The one thing of ours that jsdom does not know: style sheets made by script.
CSSStyleSheet.prototype.replaceSync = () => {};

class Stage {
  readonly world = new SimulatedWorld();
  readonly client: Client;
  readonly model: Model;
  readonly #remove: () => void;
  readonly #text: PageText;

  constructor() {
    document.body.innerHTML = "<p>Liberty is to faction what air is to fire, an aliment without which it instantly expires.</p>";
    this.client = new Client(this.world, "ws://x/v1/live", () => Promise.resolve("t"), {
      onChange: () => this.model?.refresh(),
      onTyping: (_, id, reader) => this.model.someoneTypes(id, reader),
    });
    this.#text = new PageText(document.body, isOurs, () => this.model.refresh());
    this.model = new Model(this.client, PAGE, this.#text);
    this.client.open(PAGE);
    this.model.refresh();
    this.#remove = mount(this.model, english, document.body, true);
  }

  async join(chats: unknown[] = [], reader: object = ANN): Promise<void> {
    this.client.start();
    await this.world.pass(0);
    this.world.socket.open();
    this.receive({ t: "welcome", v: 1, tenant: "acme", reader, limits: {} });
    this.receive(page(chats.length, chats));
    await drawn();
  }

  receive(frame: unknown): void {
    this.world.socket.receive(frame);
  }

  get root(): ShadowRoot {
    const root = document.querySelector("parley-widget")?.shadowRoot;
    if (root == null) throw new Error("the widget has an open shadow root");
    return root;
  }

  all(hook: string): HTMLElement[] {
    return [...this.root.querySelectorAll<HTMLElement>(`[data-parley="${hook}"]`)];
  }

  one(hook: string): HTMLElement {
    const [found] = this.all(hook);
    if (found === undefined) throw new Error(`nothing has data-parley="${hook}"`);
    return found;
  }

  async click(hook: string): Promise<void> {
    this.one(hook).click();
    await drawn();
  }

  async type(hook: string, text: string): Promise<void> {
    const box = this.one(hook) as HTMLTextAreaElement;
    box.value = text;
    box.dispatchEvent(new Event("input", { bubbles: true }));
    await drawn();
  }

  destroy(): void {
    this.client.stop();
    this.#remove();
    this.model.destroy();
    this.#text.destroy();
  }
}

/** Until the model told and preact drew: two turns of timers, no waiting for a clock. */
async function drawn(): Promise<void> {
  await settle();
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setTimeout(resolve, 0));
}

function onText(id: string, seq: number, words: string, text: string, more: object = {}): Record<string, unknown> {
  const whole = new TextIndex(document.body, new KnownNodes(isOurs)).text;
  const start = whole.indexOf(words);
  const anchor = { quote: quoteAt(whole, start, start + words.length), position: { start, end: start + words.length } };
  return chat(id, seq, text, { anchor, ...more });
}

describe("the widget", () => {
  let stage: Stage;
  beforeEach(() => {
    stage = new Stage();
  });
  afterEach(() => stage.destroy());

  it("shows the connection, the readers and the discussions in its bar", async () => {
    expect(stage.one("state").dataset["state"]).toBe("offline");
    await stage.join([onText("a", 1, "air is to fire", "Why?")]);
    expect(stage.one("state").dataset["state"]).toBe("live");
    expect(stage.one("readers").textContent).toBe("1 reader");
    expect(stage.one("discussions").textContent).toBe("1 discussion");
    stage.receive({ t: "presence", page: PAGE, readers: 3 });
    stage.receive(live(1, 2, [created("b", 2)]));
    await drawn();
    expect(stage.one("readers").textContent).toBe("3 readers");
    expect(stage.one("discussions").textContent).toBe("2 discussions");
  });

  it("lists discussions in the order of the text, and those whose text is gone last", async () => {
    await stage.join([
      chat("gone", 1, "About something else"),
      onText("late", 2, "instantly expires", "Second"),
      onText("early", 3, "Liberty", "First"),
    ]);
    await stage.click("discussions");
    await vi.waitFor(() => expect(stage.all("discussion").map(({ dataset }) => [dataset["id"], dataset["location"]])).toEqual([
      ["early", "anchored"],
      ["late", "anchored"],
      ["gone", "orphan"],
    ]));
    expect(stage.root.textContent).toContain("No longer on the page");
  });

  it("shows a reply at once, settles it, and clears the box", async () => {
    await stage.join([onText("a", 1, "Liberty", "Why?")]);
    stage.model.show({ kind: "chat", id: "a" });
    await drawn();
    await stage.type("reply", "Because.");
    await stage.click("send");
    expect(stage.all("comment").map(({ dataset }) => dataset["delivery"])).toEqual(["kept", "sending"]);
    expect((stage.one("reply") as HTMLTextAreaElement).value).toBe("");
    const id = stage.world.socket.frames("do")[0]?.["broadcastId"] as string;
    stage.receive(live(1, 2, [updated("a", 2, { comment: { id, by: ANN, at: 5, text: "Because." } }, id)]));
    await drawn();
    expect(stage.all("comment").map(({ dataset }) => dataset["delivery"])).toEqual(["kept", "kept"]);
  });

  it("takes a refused reply back, says why in a sentence and keeps the text", async () => {
    await stage.join([onText("a", 1, "Liberty", "Why?")]);
    stage.model.show({ kind: "chat", id: "a" });
    await drawn();
    await stage.type("reply", "A long thought");
    await stage.click("send");
    const id = stage.world.socket.frames("do")[0]?.["broadcastId"];
    stage.receive(live(1, 2, [deleted("a", 2)]));
    stage.receive({ t: "error", code: "unknown-chat", message: "This discussion no longer exists.", help: "Start another.", broadcastId: id });
    await drawn();
    expect(stage.one("refused").textContent).toContain(english.sayGone);
    expect(stage.one("refused").textContent).toContain("A long thought");
    await stage.click("discard");
    expect(stage.all("refused")).toEqual([]);
  });

  it("keeps discussions readable while offline and says what is not sent", async () => {
    await stage.join([onText("a", 1, "Liberty", "Why?")]);
    stage.model.show({ kind: "chat", id: "a" });
    stage.world.socket.drop();
    await drawn();
    expect(stage.one("state").dataset["state"]).toBe("offline");
    expect(stage.all("readers")).toEqual([]);
    expect(stage.one("comment").textContent).toContain("Why?");
    await stage.type("reply", "Later");
    await stage.click("send");
    expect(stage.all("comment").at(-1)?.textContent).toContain("Not sent yet");
  });

  it("offers what this reader may do, and nothing else", async () => {
    const reply = { id: "r", by: { id: "u1", name: "Ann" }, at: 2, text: "Mine" };
    const theirs = onText("a", 1, "Liberty", "Why?", { by: { id: "u9", name: "Zoe" }, comments: [{ text: "Why?" }, reply] });
    await stage.join([theirs]);
    stage.model.show({ kind: "chat", id: "a" });
    await drawn();
    expect([stage.all("edit").length, stage.all("remove").length, stage.all("delete-chat").length]).toEqual([1, 1, 0]);
    stage.receive({ t: "welcome", v: 1, tenant: "acme", reader: { ...ANN, role: "reader" } });
    await drawn();
    for (const hook of ["edit", "remove", "delete-chat", "resolve", "reply"]) expect(stage.all(hook)).toEqual([]);
    stage.receive({ t: "welcome", v: 1, tenant: "acme", reader: { ...BO, role: "moderator" } });
    await drawn();
    expect([stage.all("edit").length, stage.all("remove").length, stage.all("delete-chat").length]).toEqual([0, 1, 1]);
  });

  it("edits in place; what is deleted can be taken back, and is sent when it cannot", async () => {
    await stage.join([onText("a", 1, "Liberty", "Why?")]);
    stage.model.show({ kind: "chat", id: "a" });
    await drawn();
    await stage.click("edit");
    expect((stage.one("edit-text") as HTMLTextAreaElement).value).toBe("Why?");
    await stage.type("edit-text", "Why not?");
    await stage.click("save");
    expect(stage.world.socket.frames("do")[0]).toMatchObject({ op: "edit", chat: "a", comment: "a", text: "Why not?" });
    await stage.click("delete-chat");
    expect(stage.one("discussions").dataset["count"]).toBe("0");
    await stage.click("undo");
    expect(stage.one("discussions").dataset["count"]).toBe("1");
    expect(stage.world.socket.frames("do")).toHaveLength(1);
    stage.model.show({ kind: "chat", id: "a" });
    await drawn();
    stage.receive(live(1, 2, [updated("a", 2, { comment: { id: "a", by: ANN, at: 1, text: "Why not?", edited: 2 } }, stage.world.socket.frames("do")[0]?.["broadcastId"] as string)]));
    await stage.click("delete-chat");
    await stage.click("confirm");
    expect(stage.world.socket.frames("do")[1]).toMatchObject({ op: "delete-chat", chat: "a" });
    expect(stage.all("undo")).toEqual([]);
  });

  it("writes text as text, never as markup", async () => {
    await stage.join([onText("a", 1, "Liberty", "<img src=x onerror=alert(1)><b>bold</b>")]);
    stage.model.show({ kind: "chat", id: "a" });
    await drawn();
    expect(stage.one("comment").querySelector("img, .text b")).toBeNull();
    expect(stage.one("comment").textContent).toContain("<b>bold</b>");
  });

  it("leaves nothing on the page when it is destroyed", async () => {
    await stage.join([onText("a", 1, "Liberty", "Why?")]);
    const before = document.body.querySelectorAll("*").length;
    stage.destroy();
    expect(document.body.querySelectorAll("*").length).toBe(before - 1);
    expect(document.querySelector("parley-widget, parley-bar")).toBeNull();
    expect(stage.world.pendingTimers).toBe(0);
  });

  it("finds its places again after the page changed", async () => {
    await stage.join([onText("a", 1, "an aliment without which", "Food")]);
    const paragraph = document.querySelector("p") as HTMLElement;
    paragraph.textContent = "Something else entirely, on another subject altogether.";
    await new Promise<void>((resolve) => {
      const stop = stage.model.subscribe(() => {
        if (stage.model.discussions[0]?.location.state !== "orphan") return;
        stop();
        resolve();
      });
    });
    paragraph.textContent = "A preface. Liberty is to faction what air is to fire, an aliment without which it instantly expires.";
    await new Promise<void>((resolve) => {
      const stop = stage.model.subscribe(() => {
        if (stage.model.discussions[0]?.location.state !== "anchored") return;
        stop();
        resolve();
      });
    });
  });
});
