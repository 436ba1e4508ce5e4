import fc from "fast-check";
import { expect, it } from "vitest";
import { Client } from "../../src/connection/client";
import { ANCHOR, PAGE } from "./fixtures";
import { ModelGateway } from "./model-gateway";
import { SimulatedBrowser, type SimulatedTab } from "./simulated-browser";
import { settle } from "./simulated-world";

const who = fc.nat({ max: 30 });
const action = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("do" as const), who, what: fc.nat({ max: 3 }) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("flush" as const), who, fate: fc.constantFrom("whole", "whole", "lost", "doubled") }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("pass" as const), ms: fc.nat({ max: 4_000 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("freeze", "thaw", "crash", "reload", "hide", "show", "back", "away"), who }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("cut" as const), who }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("down", "up") }) },
);

/** Two readers on one browser: the first in two tabs, the second in one. */
const READERS = ["u1", "u1", "u2"];

interface Open {
  tab: SimulatedTab;
  client: Client;
}

class World {
  readonly gateway: ModelGateway;
  readonly browser: SimulatedBrowser;
  readonly made = new Map<string, string>();
  down = false;
  open: Open[] = [];

  constructor(dice: () => number) {
    this.gateway = new ModelGateway(PAGE, dice);
    this.browser = new SimulatedBrowser(dice, (socket, tab) => {
      if (!this.down) this.gateway.accept(socket, { id: tab.reader });
      tab.schedule(0, () => (this.down ? socket.drop() : socket.closedWith === undefined && socket.open()));
    });
  }

  start(reader: string): Open {
    const tab = this.browser.open(reader);
    const client = new Client(tab, "ws://x/v1/live", () => Promise.resolve(tab.token), { onChange: () => {} });
    client.open(PAGE);
    client.start();
    return { tab, client };
  }

  do({ tab, client }: Open, what: number): void {
    const chats = client.view(PAGE)?.chats ?? [];
    const chat = chats[what % Math.max(1, chats.length)];
    const text = `${tab.reader} says ${what}`;
    const id = client.do(PAGE, what === 0 || chat === undefined ? { op: "new-chat", anchor: ANCHOR, text } : { op: "reply", chat: chat.id, text });
    // Before anybody was greeted nobody knows whose words these are: such are only handed back.
    this.made.set(id, tab.reader);
  }

  /** Nothing on any screen that the truth does not have, and nobody's words under another's name. */
  check(): void {
    for (const { client } of this.open) {
      const session = client.open(PAGE);
      if (session.phase !== "joined" || session.cursor === null) continue;
      const truth = this.gateway.history.get(`${session.cursor.epoch} ${session.cursor.seq}`);
      expect(shown(session.store.chats())).toBe(truth);
    }
    for (const chat of this.gateway.chats.values()) {
      for (const { id, by, text } of chat.comments) {
        expect((by as { id: string }).id).toBe(this.made.get(id));
        expect(text.startsWith((by as { id: string }).id)).toBe(true);
      }
    }
  }
}

function shown(chats: readonly { id: string; state: string; comments: readonly { id: string; text: string }[] }[]): string {
  const plain = chats.map(({ id, state, comments }) => ({ id, state, comments: comments.map((comment) => [comment.id, comment.text]) }));
  return JSON.stringify(plain.sort((a, b) => (a.id < b.id ? -1 : 1)));
}

async function step(world: World, what: { kind: string; who?: number; what?: number; ms?: number; fate?: string }): Promise<void> {
  const place = (what.who ?? 0) % world.open.length;
  const at = world.open[place] as Open;
  switch (what.kind) {
    case "do":
      at.tab.run(() => world.do(at, what.what ?? 0));
      break;
    case "flush":
      world.gateway.flush(what.who ?? 0, what.fate as "whole");
      break;
    case "pass":
      await world.browser.pass(what.ms ?? 0);
      break;
    case "cut":
      world.gateway.cut(what.who ?? 0);
      break;
    case "down":
    case "up":
      world.down = what.kind === "down";
      if (world.down) for (let turn = 0; turn < 9; turn += 1) world.gateway.cut(0);
      break;
    case "freeze":
      at.tab.freeze();
      break;
    case "thaw":
      at.tab.thaw();
      break;
    case "hide":
    case "show":
      at.tab.looked = what.kind === "show";
      at.tab.run(() => at.client.nudge());
      break;
    case "away":
      at.tab.run(() => at.client.pause());
      break;
    case "back":
      at.tab.run(() => at.client.replace());
      break;
    default: // a crash says nothing to anybody; a reload says goodbye
      if (what.kind === "reload") at.tab.run(() => at.client.stop());
      at.tab.kill();
      world.open[place] = world.start(at.tab.reader);
  }
  await settle();
  world.check();
}

async function calm(world: World): Promise<void> {
  for (let round = 0; round < 12; round += 1) {
    await world.browser.pass(21_000);
    world.gateway.flushAll();
    await world.browser.pass(10);
    world.check();
  }
}

it("tabs that come, freeze, crash and share keep everything exactly once, under the name that wrote it", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(action, { minLength: 5, maxLength: 60, size: "max" }), fc.infiniteStream(fc.nat({ max: 999 })), async (actions, rolls) => {
      let sure = false;
      const world = new World(() => (sure ? 0.6 : (rolls.next().value as number) / 1_000));
      world.open = READERS.map((reader) => world.start(reader));
      await world.browser.pass(20);
      for (const what of actions) await step(world, what);
      sure = true;
      world.down = false;
      for (const { tab, client } of world.open) {
        tab.thaw();
        tab.looked = true;
        client.replace();
      }
      await calm(world);
      const sockets = (reader: string): number => world.open.reduce((sum, { tab }) => sum + (tab.reader === reader ? tab.openSockets : 0), 0);
      expect([sockets("u1"), sockets("u2")]).toEqual([1, 1]);
      // Whoever crashed while another tab lived may have left something: it goes out when the page is opened again.
      for (const { tab } of world.open) tab.kill();
      world.open = ["u1", "u2"].map((reader) => world.start(reader));
      await calm(world);
      const { acks, effects } = world.gateway;
      const handedBack = new Set(world.open.flatMap(({ client }) => (client.view(PAGE)?.refused ?? []).map(({ pending }) => pending.broadcastId)));
      for (const { client } of world.open) {
        expect(client.view(PAGE)?.unacknowledged).toBe(0);
        expect(shown(client.view(PAGE)?.chats ?? [])).toBe(world.gateway.truth());
      }
      for (const id of world.made.keys()) expect([id, acks.has(id) || handedBack.has(id)]).toEqual([id, true]);
      for (const id of acks.keys()) expect(effects.get(id)).toBe(1);
      for (const { tab, client } of world.open) {
        client.stop();
        expect(world.browser.pendingTimers(tab)).toBe(0);
      }
    }),
    { numRuns: 150 },
  );
});
