import type { Environment, Socket, SocketHandlers } from "../../src/connection/environment";

/** A clock, dice and a network that a test drives by hand. */
export class SimulatedWorld implements Environment {
  readonly sockets: SimulatedSocket[] = [];
  #now = 1_000;
  #nextId = 0;
  #timers: { at: number; order: number; action: () => void }[] = [];
  #order = 0;

  constructor(
    private readonly dice: () => number = () => 0.5,
    private readonly tag = "id",
    private readonly onOpen: (socket: SimulatedSocket) => void = () => {},
  ) {}

  now(): number {
    return this.#now;
  }

  wallClock(): number {
    return 1_795_000_000_000 + this.#now;
  }

  random(): number {
    return this.dice();
  }

  uuid(): string {
    this.#nextId += 1;
    return `${this.tag}-${this.#nextId}`;
  }

  get pendingTimers(): number {
    return this.#timers.length;
  }

  schedule(ms: number, action: () => void): () => void {
    const timer = { at: this.#now + ms, order: (this.#order += 1), action };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  openSocket(url: string, handlers: SocketHandlers): Socket {
    const socket = new SimulatedSocket(url, handlers);
    this.sockets.push(socket);
    this.onOpen(socket);
    return socket;
  }

  get socket(): SimulatedSocket {
    const last = this.sockets.at(-1);
    if (last === undefined) throw new Error("no socket was opened");
    return last;
  }

  /** Lets time pass, running what falls due in order, with promises settled in between. */
  async pass(ms: number): Promise<void> {
    const until = this.#now + ms;
    await settle();
    for (;;) {
      this.#timers.sort((a, b) => a.at - b.at || a.order - b.order);
      const next = this.#timers[0];
      if (next === undefined || next.at > until) break;
      this.#timers.shift();
      this.#now = Math.max(this.#now, next.at);
      next.action();
      await settle();
    }
    this.#now = until;
  }
}

export class SimulatedSocket implements Socket {
  readonly sent: Record<string, unknown>[] = [];
  closedWith: number | undefined;
  /** Called with each frame that the client sends. */
  onSend: (frame: Record<string, unknown>) => void = () => {};

  constructor(
    readonly url: string,
    readonly handlers: SocketHandlers,
  ) {}

  send(text: string): void {
    const frame = JSON.parse(text) as Record<string, unknown>;
    this.sent.push(frame);
    this.onSend(frame);
  }

  close(code?: number): void {
    this.closedWith = code ?? 1000;
  }

  open(): void {
    this.handlers.onOpen();
  }

  receive(frame: unknown): void {
    this.handlers.onMessage(JSON.stringify(frame));
  }

  drop(code = 1006, reason = ""): void {
    this.closedWith ??= code;
    this.handlers.onClose(code, reason);
  }

  frames(t: string): Record<string, unknown>[] {
    return this.sent.filter((frame) => frame["t"] === t);
  }
}

/** Enough turns of the microtask queue for a short chain of promises. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 4; turn += 1) await Promise.resolve();
}
