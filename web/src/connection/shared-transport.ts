import type { ClientFrame } from "../wire/frames";
import { identityOf } from "./claims";
import type { Environment, Socket, SocketHandlers, Transport } from "./environment";
import { MOVE_NOW } from "./ladder";
import { FULL, type Relay } from "./relay";
import type { Channel, TabMessage, Tabs } from "./tabs";

/** A leading tab that says nothing for this long after it was asked is frozen or stuck: its place is taken. */
const SILENCE_MS = 1_500;
/** A tab that somebody looks at asks its leader this often for a sign of life: with the silence, under three seconds. */
const ASK_EVERY_MS = 750;

/**
 * One connection for all tabs in which the same reader may do the same things. The tab that holds the lock leads: it has
 * the connection, the others speak through it. A lock ends with its tab, so the next in the queue leads at once when
 * the leader is closed or crashes; from a leader that is frozen the lock is taken away.
 */
export class SharedTransport implements Transport {
  #room: Room | null = null;

  constructor(
    private readonly env: Environment,
    private readonly tabs: Tabs,
    private readonly scope: string,
    private readonly inner: Transport,
    private readonly relay: Relay,
    private readonly nudge: () => void,
  ) {}

  open(token: string, handlers: SocketHandlers): Socket {
    const identity = identityOf(token);
    const name = identity === null ? null : `parley ${this.scope} ${identity}`;
    if (this.#room !== null && this.#room.name !== name) this.stop();
    if (name === null) return this.inner.open(token, handlers);
    this.#room ??= new Room(this.env, this.tabs, name, this.inner, this.relay, this.nudge);
    return this.#room.open(token, handlers);
  }

  stop(): void {
    this.#room?.leave();
    this.#room = null;
    this.inner.stop();
  }
}

type Lead = "none" | "queued" | "taking" | "held";

/** The tabs of one identity, as one of them sees them. */
class Room {
  readonly #channel: Channel;
  #lead: Lead = "none";
  #giveUp: () => void = () => {};
  #current: SharedSocket | null = null;
  /** The leader that we know did not answer when it was asked. */
  #silent = false;
  /** The leader takes no more of us. */
  #alone = false;

  constructor(
    private readonly env: Environment,
    private readonly tabs: Tabs,
    readonly name: string,
    private readonly inner: Transport,
    private readonly relay: Relay,
    private readonly nudge: () => void,
  ) {
    this.#channel = tabs.channel(name, (message) => this.#hear(message));
    this.#campaign(false);
  }

  open(token: string, handlers: SocketHandlers): Socket {
    const socket = new SharedSocket(this.env, this.tabs, (message) => this.#channel.post(message), handlers, {
      own: (own) => this.inner.open(token, own),
      takeOver: () => this.#campaign(true),
      refused: () => (this.#alone = true),
      closed: (silent) => {
        if (this.#current === socket) this.#current = null;
        this.#silent = silent;
      },
    });
    this.#current = socket;
    if (this.#lead === "held" || this.#alone) socket.openOwn();
    else socket.ask(this.#silent);
    this.#silent = false;
    return socket;
  }

  leave(): void {
    if (this.#lead === "held") this.relay.resign();
    else this.#channel.post({ k: "bye", from: this.tabs.me });
    this.#lead = "none";
    this.#giveUp();
    this.#channel.close();
  }

  #campaign(steal: boolean): void {
    if (this.#lead === "held" || (steal && this.#lead === "taking")) return;
    this.#giveUp();
    this.#lead = steal ? "taking" : "queued";
    this.#giveUp = this.tabs.lock(this.name, steal, () => this.#granted(), () => this.#stolen());
  }

  #granted(): void {
    this.#lead = "held";
    this.relay.lead((message) => this.#channel.post(message));
    const current = this.#current;
    if (current === null) return;
    if (current.asking) current.openOwn();
    else if (!current.own) current.handlers.onMessage(MOVE_NOW);
  }

  /** Somebody took us for frozen: perhaps we were. Now they lead. */
  #stolen(): void {
    if (this.#lead === "none") return;
    this.relay.resign();
    this.#lead = "none";
    this.#campaign(false);
    if (this.#current?.own === true) this.#current.handlers.onMessage(MOVE_NOW);
  }

  #hear(message: TabMessage): void {
    if (this.#lead === "held") this.relay.hear(message);
    else if (message.k === "leads") {
      if (this.#current === null) this.nudge();
      else this.#current.leads(message.from);
    } else this.#current?.hear(message);
  }
}

interface Ways {
  own(handlers: SocketHandlers): Socket;
  takeOver(): void;
  refused(): void;
  closed(silent: boolean): void;
}

/** A connection through the leading tab, or our own where we lead. */
class SharedSocket implements Socket {
  asking = false;
  #own: Socket | null = null;
  #leader: string | null = null;
  #over = false;
  /** Asked, and nothing heard since. */
  #unanswered = false;
  #silence: () => void = () => {};

  constructor(
    private readonly env: Environment,
    private readonly tabs: Tabs,
    private readonly post: (message: TabMessage) => void,
    readonly handlers: SocketHandlers,
    private readonly ways: Ways,
  ) {}

  get own(): boolean {
    return this.#own !== null;
  }

  get idleMs(): number | undefined {
    return this.#own === null ? (this.tabs.visible() ? ASK_EVERY_MS : undefined) : this.#own.idleMs;
  }

  get pongMs(): number | undefined {
    return this.#own === null ? SILENCE_MS : this.#own.pongMs;
  }

  openOwn(): void {
    if (this.#own !== null || this.#over) return;
    this.asking = false;
    this.#silence();
    this.#own = this.ways.own(this.handlers);
  }

  /** Looks for a leader; `now`: there is none that answers. */
  ask(now: boolean): void {
    this.asking = true;
    if (now) this.ways.takeOver();
    else {
      this.#up({ t: "hello" });
      this.#silence = this.env.schedule(SILENCE_MS, () => this.ways.takeOver());
    }
  }

  send(text: string): void {
    if (this.#own !== null) this.#own.send(text);
    else {
      if (text === '{"t":"ping"}') this.#unanswered = true;
      this.post({ k: "up", from: this.tabs.me, text });
    }
  }

  close(code?: number): void {
    if (this.#over) return;
    this.#over = true;
    this.#silence();
    this.#own?.close(code);
    this.ways.closed(this.#unanswered);
  }

  leads(from: string): void {
    if (this.asking) this.#up({ t: "hello" });
    else if (this.#own === null && from !== this.#leader) this.handlers.onMessage(MOVE_NOW);
  }

  hear(message: TabMessage): void {
    if (this.#own !== null || this.#over || !("to" in message) || !message.to.includes(this.tabs.me)) return;
    if (!this.asking && message.from !== this.#leader) return; // an old leader that woke up
    this.#unanswered = false;
    this.#silence();
    if (message.k === "wait") return;
    if (message.k === "closed") {
      if (message.code === FULL) {
        this.ways.refused();
        this.handlers.onMessage(MOVE_NOW);
        return;
      }
      this.close();
      this.handlers.onClose(message.code, message.reason);
      return;
    }
    if (this.asking) {
      this.asking = false;
      this.#leader = message.from;
    }
    this.handlers.onMessage(message.text);
  }

  /** The greeting goes to the leader without our token: it has its own, which says the same. */
  #up(frame: { t: "hello" } | ClientFrame): void {
    this.post({ k: "up", from: this.tabs.me, text: JSON.stringify(frame) });
  }
}
