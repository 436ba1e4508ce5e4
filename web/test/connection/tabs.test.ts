import { describe, expect, it } from "vitest";
import { Client } from "../../src/connection/client";
import { ANCHOR, PAGE } from "./fixtures";
import { ModelGateway } from "./model-gateway";
import { SimulatedBrowser, type SimulatedTab } from "./simulated-browser";

const HELLO = { op: "new-chat", anchor: ANCHOR, text: "Hello" } as const;
const OTHER_PAGE = "https://acme.test/other";

class Stage {
  readonly gateway = new ModelGateway(PAGE, () => 0.6);
  /** The gateway's line is cut. */
  down = false;
  readonly browser = new SimulatedBrowser(() => 0.6, (socket, tab) => {
    if (!this.down) this.gateway.accept(socket, { id: tab.reader });
    tab.schedule(0, () => (this.down ? socket.drop() : socket.open()));
  });

  async open(reader: string, page = PAGE): Promise<{ tab: SimulatedTab; client: Client }> {
    const tab = this.browser.open(reader);
    const client = new Client(tab, "ws://x/v1/live", () => Promise.resolve(tab.token), { onChange: () => {} });
    client.open(page);
    client.start();
    await this.browser.pass(10);
    return { tab, client };
  }

  texts(client: Client): string[] {
    return (client.view(PAGE)?.chats ?? []).flatMap(({ comments }) => comments.map(({ text }) => text));
  }
}

describe("tabs of one reader", () => {
  it("share one socket, and each other's changes", async () => {
    const stage = new Stage();
    const [a, b, c] = [await stage.open("u1"), await stage.open("u1"), await stage.open("u1")];
    expect([a, b, c].map(({ tab }) => tab.sockets.length)).toEqual([1, 0, 0]);
    b.client.do(PAGE, HELLO);
    await stage.browser.pass(10);
    expect(b.client.view(PAGE)?.unacknowledged).toBe(0); // the answer found its way
    stage.gateway.flushAll();
    await stage.browser.pass(10);
    for (const { client } of [a, b, c]) {
      expect(client.state.name).toBe("open");
      expect(client.view(PAGE)?.phase).toBe("joined");
      expect(stage.texts(client)).toEqual(["Hello"]);
      expect(client.view(PAGE)?.unacknowledged).toBe(0);
      expect(client.view(PAGE)?.readers).toBe(1);
    }
    expect(a.tab.sockets[0]?.frames("join")).toHaveLength(1); // the other tabs cost the gateway nothing
  });

  it("never put a token on the channel", async () => {
    const stage = new Stage();
    const [a, b] = [await stage.open("u1"), await stage.open("u1")];
    a.client.do(PAGE, HELLO);
    b.client.do(PAGE, HELLO);
    await stage.browser.pass(10_000);
    expect(stage.browser.posted.length).toBeGreaterThan(4);
    for (const tab of [a.tab, b.tab]) expect(JSON.stringify(stage.browser.posted)).not.toContain(tab.token.split(".")[1]);
  });

  it("never share across identities", async () => {
    const stage = new Stage();
    const [a, b] = [await stage.open("u1"), await stage.open("u2")];
    expect([a, b].map(({ tab }) => tab.sockets.length)).toEqual([1, 1]);
    b.client.do(PAGE, HELLO);
    await stage.browser.pass(10);
    expect(a.tab.sockets[0]?.frames("do")).toEqual([]);
    expect([...stage.gateway.chats.values()].map(({ by }) => by)).toEqual([{ id: "u2" }]);
  });

  it("open different pages on one socket, and leave them when the last tab is gone", async () => {
    const stage = new Stage();
    const a = await stage.open("u1");
    const [b, c] = [await stage.open("u1", OTHER_PAGE), await stage.open("u1", OTHER_PAGE)];
    const [socket] = a.tab.sockets;
    expect(socket?.frames("join").map((frame) => frame["page"])).toEqual([PAGE, OTHER_PAGE]);
    b.client.stop();
    await stage.browser.pass(10);
    expect(socket?.frames("leave")).toEqual([]);
    c.tab.kill(); // says nothing: its lock does
    await stage.browser.pass(10);
    expect(socket?.frames("leave")).toEqual([{ t: "leave", page: OTHER_PAGE }]);
  });

  it.each(["close", "crash"])("go on at once when the leader is gone: %s", async (how) => {
    const stage = new Stage();
    const [a, b, c] = [await stage.open("u1"), await stage.open("u1"), await stage.open("u1")];
    if (how === "close") a.client.pause();
    else a.tab.kill();
    await stage.browser.pass(300);
    expect([b, c].map(({ tab, client }) => [tab.openSockets, client.view(PAGE)?.phase])).toEqual([[1, "joined"], [0, "joined"]]);
  });

  it("have their own socket within three seconds when the leader freezes, and share again when it wakes", async () => {
    const stage = new Stage();
    const [a, b] = [await stage.open("u1"), await stage.open("u1")];
    await stage.browser.pass(5_000);
    a.tab.freeze();
    const id = b.client.do(PAGE, HELLO);
    await stage.browser.pass(3_000);
    expect(b.tab.openSockets).toBe(1);
    expect(stage.gateway.effects.get(id)).toBe(1);
    a.tab.thaw();
    await stage.browser.pass(3_000);
    expect([a.tab.openSockets, b.tab.openSockets]).toEqual([0, 1]);
    expect([a, b].map(({ client }) => client.view(PAGE)?.phase)).toEqual(["joined", "joined"]);
  });

  it("a tab that nobody looks at does not keep asking", async () => {
    const stage = new Stage();
    const [, b] = [await stage.open("u1"), await stage.open("u1")];
    b.tab.looked = false;
    b.client.nudge(); // the browser said that it became hidden or visible: asks once
    await stage.browser.pass(1_000);
    const before = stage.browser.posted.length;
    await stage.browser.pass(20_000);
    expect(stage.browser.posted.slice(before)).toEqual([]);
  });

  it("are offline together and back together, and what was written meanwhile goes out once", async () => {
    const stage = new Stage();
    const [a, b] = [await stage.open("u1"), await stage.open("u1")];
    stage.down = true;
    a.tab.sockets[0]?.drop();
    await stage.browser.pass(20_000);
    expect([a, b].map(({ client }) => client.state.name)).not.toContain("open");
    const id = b.client.do(PAGE, HELLO);
    stage.down = false;
    a.client.nudge();
    await stage.browser.pass(50);
    expect([a, b].map(({ client }) => client.state.name)).toEqual(["open", "open"]);
    expect(stage.gateway.effects.get(id)).toBe(1);
    expect([a.tab.openSockets, b.tab.openSockets]).toEqual([1, 0]);
  });

  it("take over what a crashed tab left, and leave alone what a living one has", async () => {
    const stage = new Stage();
    const a = await stage.open("u1");
    stage.down = true;
    a.tab.sockets[0]?.drop();
    const ids = [a.client.do(PAGE, HELLO), a.client.do(PAGE, { ...HELLO, text: "Two" })];
    const b = await stage.open("u1");
    expect(stage.texts(b.client)).toEqual([]);
    a.tab.kill();
    b.tab.kill();
    stage.down = false;
    const c = await stage.open("u1");
    expect([...stage.gateway.effects.keys()]).toEqual(ids);
    expect(c.client.view(PAGE)?.unacknowledged).toBe(0);
    expect([...stage.browser.disk.keys()]).toEqual([]);
  });

  it("send unsent changes only under the name that wrote them, and let drafts carry over", async () => {
    const stage = new Stage();
    stage.down = true;
    const a = await stage.open("u1");
    await stage.browser.pass(10);
    stage.down = false;
    await stage.browser.pass(21_000);
    stage.down = true;
    a.tab.sockets.at(-1)?.drop();
    a.client.do(PAGE, HELLO);
    a.client.open(PAGE).kept.write("reply:x", "begun");
    a.tab.kill();
    stage.down = false;
    const b = await stage.open("u2");
    expect(b.client.view(PAGE)).toMatchObject({ chats: [], refused: [], unacknowledged: 0 });
    expect(b.client.open(PAGE).kept.draft("reply:x")).toBe("begun");
    b.tab.kill();
    const again = await stage.open("u1");
    expect(stage.texts(again.client)).toEqual(["Hello"]);
    expect([...stage.gateway.chats.values()].map(({ by }) => by)).toEqual([{ id: "u1" }]);
  });

  it("hand back what was written before anybody was greeted", async () => {
    const stage = new Stage();
    stage.down = true;
    const a = await stage.open("u1");
    a.client.do(PAGE, HELLO);
    a.tab.kill();
    stage.down = false;
    const b = await stage.open("u1");
    expect(b.client.view(PAGE)?.refused.map(({ code, pending }) => [code, pending.operation])).toEqual([["other-reader", HELLO]]);
    expect(stage.gateway.effects.size).toBe(0);
  });

  it("keep the text of a refusal through a reload", async () => {
    const stage = new Stage();
    const a = await stage.open("u1");
    a.client.do(PAGE, { op: "reply", chat: "never", text: "Long thought" });
    await stage.browser.pass(10);
    expect(a.client.view(PAGE)?.refused).toHaveLength(1);
    a.tab.kill();
    const b = await stage.open("u1");
    const [refused] = b.client.view(PAGE)?.refused ?? [];
    expect(refused).toMatchObject({ code: "unknown-chat", pending: { operation: { text: "Long thought" } } });
    if (refused !== undefined) b.client.discard(PAGE, refused);
    expect(stage.browser.disk.size).toBe(0);
  });
});
