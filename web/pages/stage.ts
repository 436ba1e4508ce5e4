import { quoteAt } from "../src/anchoring/describe";
import { TextIndex } from "../src/anchoring/text-index";
import { Client } from "../src/connection/client";
import { Model } from "../src/view/model";
import { isOurs, mount } from "../src/view/mount";
import { PageText } from "../src/view/page-text";
import type { Strings } from "../src/view/strings";
import { PAGE, page } from "../test/connection/fixtures";
import { SimulatedWorld } from "../test/connection/simulated-world";
import { CONTENT, type Content } from "./content";

const MINUTE_MS = 60_000;

/** The real views on a real client, whose gateway is played: whatever a state needs, it gets by frames and by clicks. */
export class Stage {
  readonly world = new SimulatedWorld();
  readonly client: Client;
  readonly model: Model;
  readonly content: Content;
  readonly people: { id: string; name: string }[];

  constructor(strings: Strings, language: string, theme: string | undefined) {
    this.content = CONTENT[language] ?? (CONTENT["en"] as Content);
    this.people = this.content.names.map((name, at) => ({ id: `reader-${name}-${at}`, name }));
    const article = document.createElement("main");
    const heading = document.createElement("h1");
    heading.textContent = this.content.title;
    article.append(heading, ...this.content.paragraphs.map((text) => Object.assign(document.createElement("p"), { textContent: text })));
    document.body.append(article);
    this.client = new Client(this.world, "ws://x/v1/live", () => Promise.resolve("t"), {
      onChange: () => this.model?.refresh(),
      onTyping: (_, id, reader) => this.model.someoneTypes(id, reader),
    });
    const text = new PageText(article, isOurs, () => this.model.refresh());
    this.model = new Model(this.client, PAGE, text);
    this.client.open(PAGE);
    this.model.refresh();
    mount(this.model, strings, document.body, true, theme);
  }

  /** Greeted as somebody (the first of the people, who may write), without the page's discussions yet. */
  async greet(reader: object = {}): Promise<void> {
    this.client.start();
    await this.world.pass(0);
    this.world.socket.open();
    this.receive({ t: "welcome", v: 1, tenant: "acme", reader: { ...this.people[0], role: "commenter", ...reader }, limits: {} });
  }

  async join(chats: readonly object[] = [], reader: object = {}): Promise<void> {
    await this.greet(reader);
    this.receive(page(50, [...chats], { readers: 7 }));
  }

  receive(frame: unknown): void {
    this.world.socket.receive(frame);
  }

  /** A discussion of a passage, by the second person, with so many of the comments; the first of them is its own. */
  chat(passage: number | string, comments: readonly (string | object)[], more: object = {}): Record<string, unknown> {
    const quote = typeof passage === "string" ? passage : (this.content.passages[passage] as string);
    const whole = new TextIndex(document.querySelector("main") as Element).text;
    const start = whole.indexOf(quote);
    const anchor =
      start < 0
        ? { quote: { exact: quote, prefix: "", suffix: "" }, position: { start: 60, end: 60 + quote.length } }
        : { quote: quoteAt(whole, start, start + quote.length), position: { start, end: start + quote.length } };
    const id = `chat-${passage}`;
    const [by, ...others] = [1, 0, 2, 3].map((at) => this.people[at]);
    return {
      id,
      seq: 1,
      state: "open",
      anchor,
      by,
      at: this.ago(190),
      comments: comments.map((comment, at) => ({
        ...(at > 0 && { id: `${id}-${at}`, by: others[(at - 1) % 3], at: this.ago(170 - 40 * at) }),
        ...(typeof comment === "string" ? { text: comment } : comment),
      })),
      ...more,
    };
  }

  ago(minutes: number): number {
    return this.world.wallClock() - minutes * MINUTE_MS;
  }

  get root(): ShadowRoot {
    return document.querySelector("parley-widget")?.shadowRoot as ShadowRoot;
  }

  /** Clicks what has this hook, once it is there. */
  async click(hook: string): Promise<void> {
    (await this.one(hook)).click();
    await this.drawn();
  }

  async type(hook: string, text: string): Promise<void> {
    const box = (await this.one(hook)) as HTMLTextAreaElement;
    box.value = text;
    box.dispatchEvent(new Event("input", { bubbles: true }));
    await this.drawn();
  }

  /** What has this hook; some of it is drawn when a part of the widget has been fetched, a few frames later. */
  async one(hook: string): Promise<HTMLElement> {
    for (let frame = 0; frame < 60; frame += 1) {
      await this.drawn();
      const found = this.root.querySelector<HTMLElement>(`[data-parley="${hook}"]`);
      if (found !== null) return found;
    }
    throw new Error(`nothing has data-parley="${hook}"`);
  }

  /** Until the model told, preact drew and the browser laid it out. */
  async drawn(): Promise<void> {
    await this.world.pass(0);
    for (let frame = 0; frame < 2; frame += 1) await new Promise((resolve) => requestAnimationFrame(resolve));
  }
}
