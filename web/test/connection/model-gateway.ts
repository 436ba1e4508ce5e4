import type { SimulatedSocket } from "./simulated-world";

interface ModelComment {
  id: string;
  by: object;
  at: number;
  text: string;
  edited?: number;
}
interface ModelChat {
  id: string;
  seq: number;
  state: "open" | "resolved";
  by: object;
  at: number;
  anchor: object;
  comments: ModelComment[];
}
type Frame = Record<string, unknown>;

/** One page's truth and the gateway in front of it, as the wire describes them: nothing else is known here. */
export class ModelGateway {
  epoch = "e1";
  seq = 0;
  readonly chats = new Map<string, ModelChat>();
  readonly gone = new Map<string, number>();
  readonly acks = new Map<string, number>();
  readonly effects = new Map<string, number>();
  /** The truth at every moment, by epoch and seq. */
  readonly history = new Map<string, string>();
  #log: { epoch: string; event: Frame }[] = [];
  #connections: { socket: SimulatedSocket; joined: boolean; at: number; reader: object }[] = [];

  constructor(
    readonly page: string,
    private readonly dice: () => number,
  ) {
    this.#remember();
  }

  accept(socket: SimulatedSocket, reader: { id: string }): void {
    const connection = { socket, joined: false, at: 0, reader };
    this.#connections.push(connection);
    socket.onSend = (frame) => {
      if (socket.closedWith !== undefined) return;
      if (frame["t"] === "hello") {
        socket.receive({ t: "welcome", v: 1, tenant: "acme", reader: { ...reader, role: "moderator" } });
      } else if (frame["t"] === "ping") socket.receive({ t: "pong" });
      else if (frame["t"] === "join") {
        connection.joined = false; // no `live` until the last part
        connection.at = this.#answerJoin(socket, frame["since"] as { epoch: string; seq: number } | undefined);
        connection.joined = true;
      } else if (frame["t"] === "do") this.#do(socket, reader, frame);
    };
  }

  /** One flush to one connection, as one frame, perhaps lost or doubled on the way. */
  flush(index: number, fate: "whole" | "lost" | "doubled"): void {
    const open = this.#open().filter((connection) => connection.joined && connection.at < this.seq);
    const connection = open[index % Math.max(1, open.length)];
    if (connection === undefined) return;
    const events = this.#log.filter(({ event }) => (event["seq"] as number) > connection.at).map(({ event }) => event);
    const frame = { t: "live", page: this.page, epoch: this.epoch, after: connection.at, seq: this.seq, events };
    connection.at = this.seq;
    if (fate !== "lost") connection.socket.receive(frame);
    if (fate === "doubled") connection.socket.receive(frame);
  }

  flushAll(): void {
    for (let turn = 0; turn < this.#connections.length; turn += 1) this.flush(0, "whole");
  }

  presence(): void {
    for (const { socket } of this.#open()) socket.receive({ t: "presence", page: this.page, readers: 1 });
  }

  cut(index: number): void {
    const open = this.#open();
    open[index % Math.max(1, open.length)]?.socket.drop();
  }

  /** A restore from a backup: the last changes never happened, and the epoch says so. */
  restore(): void {
    const survivors = [...this.chats.values()].slice(0, Math.floor(this.chats.size / 2));
    const ids = new Set(survivors.map(({ id }) => id));
    for (const id of [...this.chats.keys()]) if (!ids.has(id)) this.chats.delete(id);
    this.epoch = `e${Number(this.epoch.slice(1)) + 1}`;
    // Another history may stand at the very same number: only the epoch tells them apart.
    if (this.dice() < 0.5) this.seq = Math.floor(this.seq / 2);
    for (const chat of this.chats.values()) chat.seq = Math.min(chat.seq, this.seq);
    for (const [id, seq] of this.gone) if (seq > this.seq) this.gone.delete(id);
    // What made a chat is remembered for as long as the chat or its tombstone: one database holds them all.
    for (const [id, seq] of this.acks) {
      if (this.chats.has(id) || this.gone.has(id)) this.acks.set(id, Math.min(seq, this.seq));
      else if (seq > this.seq) this.acks.delete(id);
    }
    this.#log = [];
    this.#remember();
    const told = this.dice() < 0.5;
    for (const connection of this.#open()) {
      connection.at = this.seq;
      if (!told) continue; // the next frame carries the new epoch: the client must notice by itself
      connection.joined = false;
      connection.socket.receive({ t: "resync", page: this.page, why: "epoch" });
    }
  }

  truth(): string {
    return JSON.stringify(
      [...this.chats.values()]
        .map(({ id, state, comments }) => ({ id, state, comments: comments.map((comment) => [comment.id, comment.text]) }))
        .sort((a, b) => (a.id < b.id ? -1 : 1)),
    );
  }

  #open(): typeof this.connections {
    return this.#connections.filter(({ socket }) => socket.closedWith === undefined);
  }

  get connections(): { socket: SimulatedSocket; joined: boolean; at: number; reader: object }[] {
    return this.#connections;
  }

  /** The truth of one moment, in one part or two; answers which moment. Operations may come in between. */
  #answerJoin(socket: SimulatedSocket, since: { epoch: string; seq: number } | undefined): number {
    const { seq: moment } = this;
    const changes = since !== undefined && since.epoch === this.epoch && since.seq <= this.seq;
    const from = changes ? since.seq : 0;
    const chats = [...this.chats.values()].filter(({ seq }) => seq > from || !changes).sort((a, b) => a.seq - b.seq);
    const gone = changes ? [...this.gone].filter(([, seq]) => seq > from).map(([id]) => id) : [];
    const entries = chats.map(wire);
    const parts = chats.length > 1 && this.dice() < 0.5 ? 2 : 1;
    const half = Math.ceil(chats.length / parts);
    const base = { t: "page", page: this.page, epoch: this.epoch, kind: changes ? "changes" : "snapshot", readers: 1 };
    if (parts === 2) {
      const first = chats.slice(0, half);
      const reached = Math.min(first.at(-1)?.seq ?? 0, (chats[half]?.seq ?? 1) - 1);
      socket.receive({ ...base, seq: Math.max(from, reached), chats: entries.slice(0, half), gone, more: true });
      if (this.dice() < 0.3) {
        socket.drop();
        return moment;
      }
    }
    socket.receive({ ...base, seq: moment, chats: entries.slice(parts === 2 ? half : 0), gone: parts === 2 ? [] : gone });
    return moment;
  }

  #do(socket: SimulatedSocket, reader: { id: string }, frame: Frame): void {
    const id = frame["broadcastId"] as string;
    const roll = this.dice();
    const answer = (reply: Frame): void => {
      if (roll < 0.85) socket.receive(reply); // else the answer is lost with the connection
      else socket.drop();
    };
    const known = this.acks.get(id);
    if (known !== undefined) return answer({ t: "ack", broadcastId: id, page: this.page, seq: known });
    if (roll < 0.05) return socket.receive({ t: "error", code: "unavailable", message: "-", broadcastId: id, retryInMs: 50 });
    const refusal = this.#apply(id, reader, frame);
    if (refusal !== undefined) return answer({ t: "error", code: refusal, message: "-", broadcastId: id });
    this.acks.set(id, this.seq);
    if (roll > 0.8 && roll < 0.85) return socket.receive({ t: "error", code: "internal", message: "-", broadcastId: id });
    answer({ t: "ack", broadcastId: id, page: this.page, seq: this.seq });
  }

  #apply(id: string, by: object, frame: Frame): string | undefined {
    const op = frame["op"] as string;
    this.effects.set(id, (this.effects.get(id) ?? 0) + 1);
    if (op === "new-chat") {
      const chat: ModelChat = {
        id, seq: this.seq + 1, state: "open", by, at: 1, anchor: frame["anchor"] as object,
        comments: [{ id, by, at: 1, text: frame["text"] as string }],
      };
      this.chats.set(id, chat);
      this.#event("new-text-chat", id, wire(chat));
      return;
    }
    const chat = this.chats.get(frame["chat"] as string);
    if (chat === undefined) return "unknown-chat";
    const change = (what: object): void => {
      chat.seq = this.seq + 1;
      this.#event("updated-text-chat", id, { id: chat.id, seq: chat.seq, ...what });
    };
    if (op === "reply") {
      // A restore forgot the acknowledgement, not the chat it is in: what is there is not made twice.
      if (chat.comments.some((known) => known.id === id)) return;
      const comment = { id, by, at: 1, text: frame["text"] as string };
      chat.comments.push(comment);
      change({ comment: { ...comment } });
    } else if (op === "edit") {
      const comment = chat.comments.find((known) => known.id === frame["comment"]);
      if (comment === undefined) return "unknown-comment";
      comment.text = frame["text"] as string;
      change({ comment: { ...comment, edited: 1 } });
    } else if (op === "remove-comment") {
      if (frame["comment"] === chat.id) return "use-delete-chat";
      if (!chat.comments.some((known) => known.id === frame["comment"])) return "unknown-comment";
      chat.comments = chat.comments.filter((known) => known.id !== frame["comment"]);
      change({ comment: { id: frame["comment"], deleted: true } });
    } else if (op === "resolve" || op === "reopen") {
      const state = op === "resolve" ? "resolved" : "open";
      if (chat.state === state) return;
      chat.state = state;
      change({ state });
    } else if (op === "delete-chat") {
      this.chats.delete(chat.id);
      this.gone.set(chat.id, this.seq + 1);
      this.#event("deleted-text-chat", id, { id: chat.id });
    }
    return;
  }

  #event(event: string, broadcastId: string, chat: object): void {
    this.seq += 1;
    this.#log.push({ epoch: this.epoch, event: { event, seq: this.seq, broadcastId, chat: structuredClone(chat) } });
    this.#remember();
  }

  #remember(): void {
    this.history.set(`${this.epoch} ${this.seq}`, this.truth());
  }
}

function wire(chat: ModelChat): object {
  const [first, ...others] = chat.comments;
  return structuredClone({ ...chat, comments: [{ text: first?.text }, ...others] });
}
