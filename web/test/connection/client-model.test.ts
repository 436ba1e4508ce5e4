import fc from "fast-check";
import { expect, it } from "vitest";
import { Client } from "../../src/connection/client";
import { ANCHOR, PAGE } from "./fixtures";
import { ModelGateway } from "./model-gateway";
import { SimulatedWorld, settle } from "./simulated-world";

/** Small numbers that choose among what exists at that moment. */
const pick = fc.nat({ max: 30 });
const action = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("do" as const), who: pick, what: pick, which: pick }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("flush" as const), who: pick, fate: fc.constantFrom("whole", "whole", "whole", "lost", "doubled") }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("cut" as const), who: pick }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("restore" as const) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("pass" as const), ms: fc.nat({ max: 3_000 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("nudge" as const), who: pick }) },
);

function shown(client: Client): string {
  const chats = client.view(PAGE)?.chats ?? [];
  return JSON.stringify(
    chats
      .map(({ id, state, comments }) => ({ id, state, comments: comments.map((comment) => [comment.id, comment.text]) }))
      .sort((a, b) => (a.id < b.id ? -1 : 1)),
  );
}

function confirmed(client: Client): string {
  return JSON.stringify(
    client.open(PAGE).store.chats()
      .map(({ id, state, comments }) => ({ id, state, comments: comments.map((comment) => [comment.id, comment.text]) }))
      .sort((a, b) => (a.id < b.id ? -1 : 1)),
  );
}

/** Whoever says that it is complete as of a cursor has exactly what was true there. */
function checkClaims(clients: readonly Client[], gateway: ModelGateway): void {
  for (const client of clients) {
    const session = client.open(PAGE);
    if (session.phase !== "joined" || session.cursor === null) continue;
    const truth = gateway.history.get(`${session.cursor.epoch} ${session.cursor.seq}`);
    expect(truth).toBeDefined();
    expect(confirmed(client)).toBe(truth);
  }
}

function act(client: Client, what: number, which: number): void {
  const chats = client.view(PAGE)?.chats ?? [];
  const chat = chats[which % Math.max(1, chats.length)];
  if (chat === undefined || what % 7 === 0) {
    client.do(PAGE, { op: "new-chat", anchor: ANCHOR, text: `text ${what}` });
    return;
  }
  const comment = chat.comments[which % chat.comments.length];
  const at = { chat: chat.id, comment: comment?.id ?? chat.id };
  switch (what % 7) {
    case 1:
    case 2:
      client.do(PAGE, { op: "reply", chat: chat.id, text: `reply ${what}` });
      return;
    case 3:
      client.do(PAGE, { op: "edit", ...at, text: `edited ${which}` });
      return;
    case 4:
      client.do(PAGE, { op: "remove-comment", ...at });
      return;
    case 5:
      client.do(PAGE, { op: chat.state === "open" ? "resolve" : "reopen", chat: chat.id });
      return;
    default:
      client.do(PAGE, { op: "delete-chat", chat: chat.id });
  }
}

it("every client that says it is in sync equals the truth, and everything made is kept exactly once or handed back", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(action, { minLength: 5, maxLength: 80, size: "max" }), fc.infiniteStream(fc.nat({ max: 999 })), async (actions, rolls) => {
      let sure = false;
      const dice = (): number => (sure ? 0.6 : (rolls.next().value as number) / 1_000);
      const gateway = new ModelGateway(PAGE, dice);
      const people = ["u1", "u2", "u1"]; // two readers, the first with two tabs
      const worlds = people.map(
        (id, tab) =>
          new SimulatedWorld(dice, `tab${tab}`, (socket) => {
            gateway.accept(socket, { id });
            queueMicrotask(() => socket.open());
          }),
      );
      const clients = worlds.map((world) => new Client(world, "ws://x/v1/live", () => Promise.resolve("t"), { onChange: () => {} }));
      const pass = async (ms: number): Promise<void> => {
        for (const world of worlds) await world.pass(ms);
      };
      let made = 0;
      let restored = false;
      for (const client of clients) {
        client.open(PAGE);
        client.start();
      }
      await pass(0);
      for (const step of actions) {
        const client = clients["who" in step ? step.who % clients.length : 0] as Client;
        if (step.kind === "do") {
          act(client, step.what, step.which);
          made += 1;
        } else if (step.kind === "flush") gateway.flush(step.who, step.fate as "whole");
        else if (step.kind === "cut") gateway.cut(step.who);
        else if (step.kind === "restore") {
          gateway.restore();
          restored = true;
        } else if (step.kind === "pass") await pass(step.ms);
        else client.nudge();
        await settle();
        checkClaims(clients, gateway);
      }
      sure = true;
      for (let round = 0; round < 30; round += 1) {
        await pass(21_000);
        gateway.flushAll();
        checkClaims(clients, gateway);
      }
      // Two missed frames may be noticed only by the next one: one more change makes every hole visible.
      clients[0]?.do(PAGE, { op: "new-chat", anchor: ANCHOR, text: "last" });
      for (let round = 0; round < 5; round += 1) {
        await pass(21_000);
        gateway.flushAll();
      }
      for (const client of clients) {
        expect(client.open(PAGE).phase).toBe("joined");
        expect(client.view(PAGE)?.unacknowledged).toBe(0);
        expect(client.open(PAGE).outbox.entries).toEqual([]);
        expect(shown(client)).toBe(gateway.truth());
      }
      const refused = clients.reduce((sum, client) => sum + (client.view(PAGE)?.refused.length ?? 0), 0);
      if (!restored) {
        expect(gateway.acks.size + refused).toBe(made + 1);
        for (const id of gateway.acks.keys()) expect(gateway.effects.get(id)).toBe(1);
      }
      for (const client of clients) client.stop();
      for (const world of worlds) expect(world.pendingTimers).toBe(0);
    }),
    { numRuns: 200 },
  );
});
