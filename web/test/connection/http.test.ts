import { describe, expect, it } from "vitest";
import { Client } from "../../src/connection/client";
import { EventStreamParser } from "../../src/connection/event-stream";
import type { Environment } from "../../src/connection/environment";
import { type Http, type HttpAnswer, HttpTransport } from "../../src/connection/http-socket";
import { ANCHOR, ANN, PAGE, chat, created, live, page } from "./fixtures";
import { SimulatedWorld, settle } from "./simulated-world";

const NEW = { op: "new-chat", anchor: ANCHOR, text: "Hello" } as const;

interface Asked {
  readonly url: string;
  readonly token: string;
  readonly body: string | null;
  readonly last?: string | null;
  over: boolean;
  answer(status: number, body: unknown): void;
  /** A stream's text, or its end. */
  text(text: string): void;
  end(): void;
}

/** HTTP whose answers a test gives by hand. */
class SimulatedHttp implements Http {
  readonly asked: Asked[] = [];

  request(url: string, token: string, body: string | null): ReturnType<Http["request"]> {
    let give: (answer: HttpAnswer) => void = () => {};
    let fail: () => void = () => {};
    const answer = new Promise<HttpAnswer>((resolve, reject) => ([give, fail] = [resolve, () => reject(new Error("network"))]));
    const asked: Asked = { url, token, body, over: false, answer: (status, said) => give({ status, text: JSON.stringify(said) }), text() {}, end: () => fail() };
    this.asked.push(asked);
    return { answer, abort: () => (asked.over = true) };
  }

  stream(...[url, token, last, onText, onEnd]: Parameters<Http["stream"]>): () => void {
    const asked: Asked = {
      url, token, body: null, last, over: false,
      answer: (status, said) => onEnd({ status, text: JSON.stringify(said) }),
      text: (text) => asked.over || onText(text),
      end: () => asked.over || onEnd(null),
    };
    this.asked.push(asked);
    return () => (asked.over = true);
  }

  last(part: string): Asked {
    const found = this.asked.filter(({ url }) => url.includes(part)).at(-1);
    if (found === undefined) throw new Error(`nobody asked for ${part}`);
    return found;
  }
}

class Blocked {
  readonly http = new SimulatedHttp();
  readonly world = Object.assign(new SimulatedWorld(), { detour: async (env: Environment, base: string) => new HttpTransport(env, this.http, base) });
  tokens = 0;
  readonly client = new Client(this.world, "wss://parley.test/v1/live", () => Promise.resolve(this.#token()), {
    onChange: () => {},
    onTyping: (_, chat, reader) => this.typing.push([chat, reader]),
  });
  readonly typing: unknown[] = [];

  #token(): string {
    this.tokens += 1;
    return `e30.${btoa(JSON.stringify({ sub: "u1", tenant: "acme", name: "Ann", jti: this.tokens }))}.x`;
  }

  get view(): NonNullable<ReturnType<Client["view"]>> {
    const view = this.client.view(PAGE);
    if (view === undefined) throw new Error("the page is open");
    return view;
  }

  /** A network that lets no WebSocket through. */
  async start(): Promise<void> {
    this.client.open(PAGE);
    this.client.start();
    await this.world.pass(0);
    this.world.socket.drop();
    await this.world.pass(600);
    await this.greet();
  }

  async greet(sub = "u1"): Promise<void> {
    this.http.last("welcome").answer(200, { t: "welcome", v: 1, tenant: "acme", reader: { ...ANN, id: sub } });
    await settle();
    await settle();
  }

  event(frame: Record<string, unknown>): void {
    this.http.last("events").text(`event: ${String(frame["t"])}\ndata: ${JSON.stringify(frame)}\n\n`);
  }

  async join(): Promise<void> {
    await this.start();
    this.http.last("events").text(":\n\n");
    this.event(page(0));
  }
}

describe("where no WebSocket comes through", () => {
  it("reads the page as a stream of events, the token in a header", async () => {
    const blocked = new Blocked();
    await blocked.join();
    const asked = blocked.http.last("events");
    expect(asked.url).toBe(`https://parley.test/v1/pages/${btoa(PAGE).replace(/=+$/, "")}/events?client=id-1`);
    expect([asked.token.split(".").length, asked.last]).toEqual([3, null]);
    expect(blocked.view.phase).toBe("joined");
    expect(blocked.client.reader).toEqual({ id: "u1", name: "Ann", role: "commenter" });
    blocked.event(live(0, 1, [created("a", 1)]));
    expect(blocked.view.chats.map(({ id }) => id)).toEqual(["a"]);
  });

  it("sends changes one after the other, and settles each by its answer", async () => {
    const blocked = new Blocked();
    await blocked.join();
    const [first, second] = [blocked.client.do(PAGE, NEW), blocked.client.do(PAGE, NEW)];
    await settle();
    expect(blocked.http.asked.filter(({ body }) => body !== null)).toHaveLength(1);
    blocked.http.last("operations").answer(200, { t: "ack", broadcastId: first, page: PAGE, seq: 1 });
    for (let turn = 0; turn < 3; turn += 1) await settle();
    const { body } = blocked.http.last("operations");
    expect(JSON.parse(body ?? "")).toEqual({ t: "do", page: PAGE, broadcastId: second, ...NEW });
    blocked.http.last("operations").answer(403, { code: "over-quota", message: "Used up.", help: "Ask." });
    for (let turn = 0; turn < 3; turn += 1) await settle();
    expect(blocked.view.unacknowledged).toBe(0);
    expect(blocked.view.refused.map(({ code, message }) => [code, message])).toEqual([["over-quota", "Used up."]]);
  });

  it("sends an unanswered change again under its id, and goes on from its cursor", async () => {
    const blocked = new Blocked();
    await blocked.join();
    blocked.event(live(0, 1, [created("a", 1)]));
    const id = blocked.client.do(PAGE, NEW);
    await settle();
    blocked.http.last("operations").end();
    await blocked.world.pass(3_000);
    blocked.world.socket.drop(); // its turn, and still blocked
    await blocked.world.pass(3_000);
    await blocked.greet();
    expect(blocked.http.last("events").last).toBe("e1:1");
    expect((JSON.parse(blocked.http.last("operations").body ?? "") as { broadcastId: string }).broadcastId).toBe(id);
  });

  it("asks and waits where streams are held back", async () => {
    const blocked = new Blocked();
    await blocked.start();
    await blocked.world.pass(5_000);
    expect(blocked.http.last("events").over).toBe(true);
    expect(blocked.http.last("changes").url).toMatch(/\/changes\?client=id-1$/);
    blocked.http.last("changes").answer(200, page(4, [chat("a", 4)], { readers: 3 }));
    await blocked.world.pass(1);
    expect(blocked.view.phase).toBe("joined");
    const waiting = blocked.http.last("changes");
    expect(waiting.url).toMatch(/\?client=id-1&epoch=e1&seq=4&waitMs=25000&readers=3$/);
    const typing = { t: "typing", page: PAGE, chat: "a", reader: "u2" };
    waiting.answer(200, page(5, [chat("b", 5)], { kind: "changes", typing: [typing] }));
    await blocked.world.pass(1);
    expect(blocked.typing).toEqual([["a", { id: "u2" }]]);
    expect(blocked.view.chats.map(({ id }) => id)).toEqual(["a", "b"]);
  });

  it("gets a new token when its own is refused, and stops where it may not be", async () => {
    const blocked = new Blocked();
    await blocked.start();
    blocked.http.last("events").answer(401, { code: "token-expired", message: "Old." });
    await blocked.world.pass(0);
    expect(blocked.tokens).toBe(2);
    await blocked.greet();
    blocked.http.last("events").answer(403, { code: "origin-refused", message: "Not here." });
    expect(blocked.client.state).toEqual({ name: "stopped", code: "origin-refused" });
  });

  it("renews over the running stream, and a page that it may not see is said to be so", async () => {
    const blocked = new Blocked();
    await blocked.join();
    blocked.event({ t: "renew", withinMs: 4_000 });
    const before = blocked.http.last("events");
    await blocked.world.pass(2_000);
    await blocked.greet();
    const after = blocked.http.last("events");
    expect([before.over, after.over, after.token === before.token]).toEqual([true, false, false]);
    after.answer(403, { code: "forbidden", message: "Not this page." });
    expect([blocked.view.phase, blocked.client.state.name]).toEqual(["forbidden", "open"]);
    blocked.client.typing(PAGE, "a");
    expect(blocked.http.last("typing").body).toBe(JSON.stringify({ t: "typing", page: PAGE, chat: "a" }));
  });

  it("connects anew when the renewed token is another reader's", async () => {
    const blocked = new Blocked();
    await blocked.join();
    blocked.event({ t: "renew", withinMs: 0 });
    await blocked.world.pass(0);
    await blocked.greet("u2");
    await blocked.world.pass(0);
    expect(blocked.tokens).toBe(3);
    expect(blocked.http.last("events").over).toBe(true);
  });

  it("climbs back to a WebSocket when one comes through", async () => {
    const blocked = new Blocked();
    await blocked.join();
    const { world } = blocked;
    const before = world.sockets.length;
    await world.pass(30_000);
    expect(world.sockets).toHaveLength(before + 1);
    world.socket.open();
    await world.pass(0);
    expect(world.sockets).toHaveLength(before + 2);
    expect(blocked.http.last("events").over).toBe(true);
    world.socket.open();
    expect(world.socket.frames("hello")).toHaveLength(1);
    blocked.client.stop();
    expect(world.pendingTimers).toBe(0);
  });

  it("a server that is down is tried both ways, without end", async () => {
    const blocked = new Blocked();
    await blocked.start();
    for (let turn = 0; turn < 12; turn += 1) {
      for (const { over, end } of blocked.http.asked) if (!over) end();
      for (const socket of blocked.world.sockets) if (socket.closedWith === undefined) socket.drop();
      await blocked.world.pass(21_000);
    }
    expect(blocked.world.sockets.length).toBeGreaterThan(4);
    expect(blocked.http.asked.length).toBeGreaterThan(4);
  });
});

describe("an event stream", () => {
  it.each([1, 2, 3, 7, 1_000])("is read in pieces of %i characters", (size) => {
    const heard: string[] = [];
    const parser = new EventStreamParser((data) => heard.push(data));
    const text = ':\n\nid: e1:1\r\nevent: page\r\ndata: {"a":1}\r\n\r\ndata:x\ndata: y\n\nevent: nothing\n\n: bye\n\n';
    for (let at = 0; at < text.length; at += size) parser.feed(text.slice(at, at + size));
    expect(heard).toEqual(['{"a":1}', "x\ny"]);
  });
});
