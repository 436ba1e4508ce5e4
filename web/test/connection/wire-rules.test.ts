import { describe, expect, it } from "vitest";
import { ANCHOR, BO, Bench, PAGE, chat, created, deleted, live, page, updated } from "./fixtures";

const NEW = { op: "new-chat", anchor: ANCHOR, text: "Hello" } as const;

describe("rule 1, ids: what an operation creates has its broadcastId as id", () => {
  it("lets a reader reply, offline, to a chat made offline, and sends both in order", async () => {
    const bench = new Bench();
    const id = bench.client.do(PAGE, NEW);
    const reply = bench.client.do(PAGE, { op: "reply", chat: id, text: "And more" });
    expect(bench.view.chats[0]?.comments.map((comment) => [comment.id, comment.delivery])).toEqual([
      [id, "unsent"],
      [reply, "unsent"],
    ]);
    await bench.greet();
    const socket = bench.world.socket;
    expect(socket.frames("do").map((frame) => frame["broadcastId"])).toEqual([id]);
    socket.receive({ t: "ack", broadcastId: id, page: PAGE, seq: 1 });
    expect(socket.frames("do").map((frame) => frame["broadcastId"])).toEqual([id, reply]);
  });
});

describe("rule 2, idempotency: the same broadcastId until the outcome is known", () => {
  it("sends an unanswered change again after a reconnect, under its id", async () => {
    const bench = new Bench();
    await bench.join();
    const id = bench.client.do(PAGE, NEW);
    bench.world.socket.drop();
    expect(bench.view.chats[0]?.delivery).toBe("unsent");
    await bench.world.pass(1_000);
    bench.welcome();
    expect(bench.world.socket.frames("do")).toEqual([{ t: "do", page: PAGE, broadcastId: id, ...NEW }]);
  });

  it("repeats after `internal` and after a passing refusal, not before retryInMs", async () => {
    for (const code of ["internal", "unavailable", "over-limit"]) {
      const bench = new Bench();
      await bench.join();
      const id = bench.client.do(PAGE, NEW);
      const socket = bench.world.socket;
      socket.receive({ t: "error", code, message: "Later.", broadcastId: id, retryInMs: 700 });
      await bench.world.pass(699);
      expect(socket.frames("do")).toHaveLength(1);
      await bench.world.pass(600);
      expect(socket.frames("do").map((frame) => frame["broadcastId"])).toEqual([id, id]);
      expect(bench.view.refused).toEqual([]);
    }
  });

  it("does not send again what the history already contains", async () => {
    const bench = new Bench();
    await bench.join();
    const id = bench.client.do(PAGE, NEW);
    bench.world.socket.drop();
    await bench.world.pass(1_000);
    bench.welcome();
    bench.world.socket.receive(page(1, [chat(id, 1, "Hello")], { kind: "changes" }));
    expect(bench.view.unacknowledged).toBe(0);
    expect(bench.view.chats).toHaveLength(1);
  });
});

describe("rule 3, order: changes of one chat never overtake each other", () => {
  it("holds a reply while the change before it waits for its repeat", async () => {
    const bench = new Bench();
    await bench.join();
    const id = bench.client.do(PAGE, NEW);
    const reply = bench.client.do(PAGE, { op: "reply", chat: id, text: "x" });
    const other = bench.client.do(PAGE, NEW);
    const socket = bench.world.socket;
    expect(socket.frames("do").map((frame) => frame["broadcastId"])).toEqual([id, other]);
    socket.receive({ t: "error", code: "unavailable", message: "Later.", broadcastId: id, retryInMs: 100 });
    await bench.world.pass(1_000);
    socket.receive({ t: "ack", broadcastId: id, page: PAGE, seq: 2 });
    expect(socket.frames("do").map((frame) => frame["broadcastId"])).toEqual([id, other, id, reply]);
  });
});

describe("rule 4, cursor: only `page` and `live` move it", () => {
  it("joins with nothing first, and with the cursor after a reconnect", async () => {
    const bench = new Bench();
    await bench.join(41);
    expect(bench.world.socket.frames("join")).toEqual([{ t: "join", page: PAGE }]);
    bench.world.socket.drop();
    await bench.world.pass(1_000);
    bench.welcome();
    expect(bench.world.socket.frames("join")).toEqual([{ t: "join", page: PAGE, since: { epoch: "e1", seq: 41 } }]);
  });

  it("an ack moves nothing", async () => {
    const bench = new Bench();
    await bench.join(4);
    const id = bench.client.do(PAGE, NEW);
    bench.world.socket.receive({ t: "ack", broadcastId: id, page: PAGE, seq: 9 });
    expect(bench.session.cursor).toEqual({ epoch: "e1", seq: 4 });
  });

  it.each([
    ["a gap", live(5, 6, [created("b", 6)])],
    ["a smaller seq", live(2, 3, [created("b", 3)])],
    ["a foreign epoch", live(4, 5, [created("b", 5)], { epoch: "e2" })],
  ])("%s: joins again with the old `since`, shows nothing of it", async (_, frame) => {
    const bench = new Bench();
    await bench.join(4, [chat("a", 4)]);
    bench.world.socket.receive(frame);
    expect(bench.world.socket.frames("join").at(-1)).toEqual({ t: "join", page: PAGE, since: { epoch: "e1", seq: 4 } });
    expect(bench.view.chats.map(({ id }) => id)).toEqual(["a"]);
    expect(bench.view.phase).toBe("joining");
  });

  it("a page that answers a join wins, whatever its numbers", async () => {
    const bench = new Bench();
    await bench.join(40, [chat("a", 40)]);
    bench.world.socket.receive({ t: "resync", page: PAGE, why: "test" });
    bench.world.socket.receive(page(3, [chat("z", 2)], { epoch: "e0" }));
    expect(bench.session.cursor).toEqual({ epoch: "e0", seq: 3 });
    expect(bench.view.chats.map(({ id }) => id)).toEqual(["z"]);
  });

  it("moves the cursor before anybody is told", async () => {
    const bench = new Bench();
    await bench.join(4);
    const seen: number[] = [];
    const session = bench.session;
    const { client } = bench;
    Object.assign((client as unknown as { handlers: object }).handlers, { onChange: () => seen.push(session.cursor?.seq ?? -1) });
    bench.world.socket.receive(live(4, 7, [created("b", 7)]));
    expect(seen).toEqual([7]);
  });
});

describe("rule 5, page answers", () => {
  it("keeps showing the old state until the last part of a snapshot, and ignores `live` meanwhile", async () => {
    const bench = new Bench();
    await bench.join(4, [chat("old", 4)]);
    const socket = bench.world.socket;
    socket.receive({ t: "resync", page: PAGE, why: "test" });
    socket.receive(page(5, [chat("a", 5)], { epoch: "e2", more: true }));
    socket.receive(live(4, 5, [created("early", 5)]));
    expect(bench.view.chats.map(({ id }) => id)).toEqual(["old"]);
    expect(socket.frames("join")).toHaveLength(2);
    socket.receive(page(9, [chat("b", 9)], { epoch: "e2" }));
    expect(bench.view.chats.map(({ id }) => id)).toEqual(["a", "b"]);
    expect(bench.session.cursor).toEqual({ epoch: "e2", seq: 9 });
  });

  it("continues a cut answer from its last whole part", async () => {
    const bench = new Bench();
    await bench.greet();
    bench.world.socket.receive(page(5, [chat("a", 5)], { more: true }));
    bench.world.socket.drop();
    await bench.world.pass(1_000);
    bench.welcome();
    expect(bench.world.socket.frames("join")[0]?.["since"]).toEqual({ epoch: "e1", seq: 5 });
    bench.world.socket.receive(page(9, [chat("b", 9)], { kind: "changes" }));
    expect(bench.view.chats.map(({ id }) => id)).toEqual(["a", "b"]);
  });

  it("appends the entries of a long chat that continue it", async () => {
    const bench = new Bench();
    await bench.greet();
    const more = (id: string): object => ({ id, by: BO, at: 2, text: id });
    bench.world.socket.receive(page(5, [chat("a", 5)], { more: true }));
    bench.world.socket.receive(page(5, [{ ...chat("a", 5), cont: true, comments: [more("r1")] }], { more: true }));
    bench.world.socket.receive(page(6, [{ id: "a", seq: 5, cont: true, comments: [more("r2")] }]));
    expect(bench.view.chats[0]?.comments.map(({ id }) => id)).toEqual(["a", "r1", "r2"]);
  });

  it("removes what is gone, and a late change revives nothing", async () => {
    const bench = new Bench();
    await bench.join(4, [chat("a", 4), chat("b", 3)]);
    const socket = bench.world.socket;
    socket.receive({ t: "resync", page: PAGE, why: "test" });
    socket.receive(page(6, [], { kind: "changes", gone: ["a"] }));
    socket.receive(live(6, 8, [updated("a", 7, { state: "resolved" }), created("a", 8)]));
    expect(bench.view.chats.map(({ id }) => id)).toEqual(["b"]);
    expect(bench.session.cursor?.seq).toBe(8);
  });
});

describe("rule 7, the echo settles what is already shown", () => {
  it.each(["ack first", "echo first"])("%s: shown once, kept", async (order) => {
    const bench = new Bench();
    await bench.join(0);
    const id = bench.client.do(PAGE, NEW);
    expect(bench.view.chats[0]?.delivery).toBe("sending");
    const ack = { t: "ack", broadcastId: id, page: PAGE, seq: 1 };
    const echo = live(0, 1, [created(id, 1, "Hello")]);
    for (const frame of order === "ack first" ? [ack, echo] : [echo, ack]) {
      bench.world.socket.receive(frame);
      expect(bench.view.chats.map((shown) => [shown.id, shown.delivery, shown.comments.length])).toEqual([[id, "kept", 1]]);
      expect(bench.view.unacknowledged).toBe(0);
    }
    expect(bench.session.outbox.entries).toEqual([]);
  });

  it("an acknowledged change that made no event leaves no trace", async () => {
    const bench = new Bench();
    await bench.join(4, [chat("a", 4, "Why?", { state: "resolved" })]);
    const id = bench.client.do(PAGE, { op: "resolve", chat: "a" });
    bench.world.socket.receive({ t: "ack", broadcastId: id, page: PAGE, seq: 4 });
    expect(bench.session.outbox.entries).toEqual([]);
  });
});

describe("rule 8, merging", () => {
  it("settles every operation that an entry stands for", async () => {
    const bench = new Bench();
    await bench.join(4, [chat("a", 4)]);
    const first = bench.client.do(PAGE, { op: "resolve", chat: "a" });
    const second = bench.client.do(PAGE, { op: "reopen", chat: "a" });
    bench.world.socket.receive(live(4, 6, [{ ...updated("a", 6, { state: "open" }, second), merged: [first] }]));
    expect(bench.session.outbox.entries).toEqual([]);
    expect(bench.view.chats[0]?.state).toBe("open");
  });

  it("deleting an unknown chat is no error", async () => {
    const bench = new Bench();
    await bench.join(4);
    bench.world.socket.receive(live(4, 6, [deleted("never", 6)]));
    expect(bench.view.phase).toBe("joined");
  });
});

describe("rule 9, presence", () => {
  it("shows the count, and none while away", async () => {
    const bench = new Bench();
    await bench.join();
    bench.world.socket.receive({ t: "presence", page: PAGE, readers: 3 });
    expect(bench.view.readers).toBe(3);
    bench.world.socket.drop();
    expect(bench.view.readers).toBeNull();
  });
});

describe("rule 10, a join that is not allowed", () => {
  it("keeps the connection and says so", async () => {
    const bench = new Bench();
    await bench.greet();
    bench.world.socket.receive({ t: "error", code: "forbidden", message: "Not for you.", page: PAGE });
    expect(bench.view.phase).toBe("forbidden");
    expect(bench.client.state.name).toBe("open");
  });
});

describe("rule 12, renewal", () => {
  it("hands in a fresh token before the old one runs out", async () => {
    const bench = new Bench();
    await bench.greet({ renewInMs: 60_000 });
    bench.world.socket.receive(page(0));
    for (let second = 0; second < 59; second += 1) {
      await bench.world.pass(1_000);
      bench.world.socket.receive({ t: "pong" });
    }
    expect(bench.world.socket.frames("renew")).toEqual([]);
    await bench.world.pass(1_000);
    expect(bench.world.socket.frames("renew")).toEqual([{ t: "renew", token: "token-2" }]);
    bench.world.socket.receive({ t: "welcome", v: 1, tenant: "acme", reader: BO });
    expect(bench.world.socket.frames("join")).toHaveLength(1);
  });

  it("another identity gets a connection of its own; what the other one wrote is not sent as theirs", async () => {
    const bench = new Bench();
    await bench.join();
    bench.client.do(PAGE, NEW);
    bench.world.socket.receive({ t: "error", code: "renew-mismatch", message: "Another reader." });
    await bench.world.pass(0);
    bench.welcome({ reader: BO });
    expect(bench.world.socket.frames("do")).toEqual([]);
    expect(bench.view.refused.map(({ code, pending }) => [code, (pending.operation as typeof NEW).text])).toEqual([["other-reader", "Hello"]]);
  });
});

describe("a refused change", () => {
  it("is taken back and keeps its text, and can be tried again under a new id", async () => {
    const bench = new Bench();
    await bench.join(4, [chat("a", 4)]);
    const id = bench.client.do(PAGE, { op: "reply", chat: "a", text: "Long thought" });
    expect(bench.view.chats[0]?.comments).toHaveLength(2);
    bench.world.socket.receive({ t: "error", code: "over-quota", message: "The month is used up.", help: "Ask.", broadcastId: id });
    expect(bench.view.chats[0]?.comments).toHaveLength(1);
    const refused = bench.view.refused[0];
    expect(refused?.message).toBe("The month is used up.");
    if (refused === undefined) throw new Error("the refusal is kept");
    bench.client.retry(PAGE, refused);
    const again = bench.world.socket.frames("do").at(-1);
    expect(again).toMatchObject({ text: "Long thought" });
    expect(again?.["broadcastId"]).not.toBe(id);
    expect(bench.view.refused).toEqual([]);
  });

  it("is refused before it is sent when it is larger than a frame may be", async () => {
    const bench = new Bench();
    await bench.join(4, [chat("a", 4)]);
    bench.client.do(PAGE, { op: "reply", chat: "a", text: "я".repeat(33_000) });
    expect(bench.world.socket.frames("do")).toEqual([]);
    expect(bench.view.refused.map(({ code }) => code)).toEqual(["too-big"]);
  });
});
