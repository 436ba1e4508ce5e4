import { Client } from "../../src/connection/client";
import type { TokenReason } from "../../src/connection/environment";
import { SimulatedWorld } from "./simulated-world";

export const PAGE = "https://acme.test/post/7";
export const ANCHOR = { quote: { exact: "violence of faction", prefix: "control the ", suffix: ". The friend" }, position: { start: 10, end: 29 } };
export const ANN = { id: "u1", name: "Ann", role: "commenter" as const };
export const BO = { id: "u2", name: "Bo", role: "commenter" as const };

export function chat(id: string, seq: number, text = "Why?", more: object = {}): Record<string, unknown> {
  return { id, seq, state: "open", anchor: ANCHOR, by: { id: "u1", name: "Ann" }, at: 1, comments: [{ text }], ...more };
}

export function page(seq: number, chats: unknown[] = [], more: object = {}): Record<string, unknown> {
  return { t: "page", page: PAGE, epoch: "e1", seq, kind: "snapshot", chats, gone: [], readers: 1, ...more };
}

export function live(after: number, seq: number, events: unknown[], more: object = {}): Record<string, unknown> {
  return { t: "live", page: PAGE, epoch: "e1", after, seq, events, ...more };
}

export function created(id: string, seq: number, text?: string): Record<string, unknown> {
  return { event: "new-text-chat", seq, broadcastId: id, chat: chat(id, seq, text) };
}

export function updated(id: string, seq: number, change: object, broadcastId = `b${seq}`): Record<string, unknown> {
  return { event: "updated-text-chat", seq, broadcastId, chat: { id, seq, ...change } };
}

export function deleted(id: string, seq: number): Record<string, unknown> {
  return { event: "deleted-text-chat", seq, broadcastId: `b${seq}`, chat: { id } };
}

export class Bench {
  readonly asked: TokenReason[] = [];
  readonly client: Client;
  changes = 0;

  constructor(readonly world = new SimulatedWorld()) {
    this.client = new Client(
      world,
      "wss://parley.test/v1/live",
      (reason) => {
        this.asked.push(reason);
        return Promise.resolve(`token-${this.asked.length}`);
      },
      { onChange: () => (this.changes += 1) },
    );
    this.client.open(PAGE);
  }

  get view(): NonNullable<ReturnType<Client["view"]>> {
    const view = this.client.view(PAGE);
    if (view === undefined) throw new Error("the page is open");
    return view;
  }

  get session(): ReturnType<Client["open"]> {
    return this.client.open(PAGE);
  }

  /** Connects and is greeted. */
  async greet(more: object = {}): Promise<void> {
    this.client.start();
    await this.world.pass(0);
    this.welcome(more);
  }

  welcome(more: object = {}): void {
    this.world.socket.open();
    this.world.socket.receive({ t: "welcome", v: 1, tenant: "acme", reader: ANN, limits: {}, ...more });
  }

  /** Connects and has a complete page. */
  async join(seq = 0, chats: unknown[] = []): Promise<void> {
    await this.greet();
    this.world.socket.receive(page(seq, chats));
  }
}
