import {
  type ClientFrame,
  type ErrorFrame,
  type GatewayFrame,
  type LiveFrame,
  MAX_FRAME_BYTES,
  type Operation,
  type Person,
  type Reader,
  type WelcomeFrame,
} from "../wire/frames";
import { BASE_MS, CAP_MS } from "./backoff";
import type { ClientHandlers } from "./client-handlers";
import type { Environment, GetToken } from "./environment";
import { Ladder } from "./ladder";
import { Link, type LinkState } from "./link";
import { type Pending, type Refused, doFrame } from "./outbox";
import { PageSession, type PageView } from "./page-session";
import { OTHER_READER, PASSING, TOO_BIG } from "./refusals";
import { Relay } from "./relay";
import { ServerClock } from "./server-clock";
import { SharedTransport } from "./shared-transport";
import type { Unsent } from "./vault";

/** An answer to a `join` that never comes is a dead connection. */
export const JOIN_LIMIT_MS = 15_000;
/** "Is typing" is said at most this often, and forgotten after twice the time. */
export const TYPING_EVERY_MS = 3_000;

/** One reader's connection with the pages that are open on it. Decides; the environment waits. */
export class Client {
  reader: Reader | null = null;
  limits: Readonly<Record<string, number>> = {};

  welcome: WelcomeFrame | null = null;
  /** Makes the trace context of a change. Without it none is traced. */
  traceparent: (() => string) | undefined;
  readonly #link: Link;
  readonly #relay: Relay | null;
  readonly #clock: ServerClock;
  readonly #pages = new Map<string, PageSession>();
  readonly #timers = new Map<string, () => void>();
  readonly #joinTries = new Map<string, number>();
  #tenant: string | null = null;
  #typedAt = new Map<string, number>();

  constructor(
    private readonly env: Environment,
    url: string,
    getToken: GetToken,
    private readonly handlers: ClientHandlers,
  ) {
    this.#clock = new ServerClock(() => env.wallClock());
    const { tabs } = env;
    const ladder = new Ladder(env, url);
    this.#relay = tabs === undefined ? null : new Relay(tabs, this);
    const shared = tabs && this.#relay && new SharedTransport(env, tabs, url, ladder, this.#relay, () => this.nudge());
    this.#link = new Link(env, shared ?? ladder, getToken, {
      onWelcome: (frame, renewed) => this.#onWelcome(frame, renewed),
      onFrame: (frame) => this.#onFrame(frame),
      onLost: () => this.#onLost(),
      onState: () => {
        if (this.state.name === "stopped") handlers.onError?.({ code: this.state.code, message: "The server does not let this page in." });
        handlers.onChange();
      },
    });
  }

  get state(): LinkState {
    return this.#link.state;
  }

  /** Milliseconds since the epoch by the server's clock, as well as it is known. */
  now(): number {
    return this.#clock.now();
  }

  start(): void {
    this.#link.start();
  }

  stop(): void {
    this.#link.stop();
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
  }

  nudge(): void {
    this.#link.nudge();
  }

  replace(): void {
    this.#link.replace();
  }

  /** Nothing will run here for a while. */
  pause(): void {
    for (const { page, own } of this.#pages.values()) if (own) this.hurry(page);
    this.#link.pause();
  }

  open(page: string): PageSession {
    const session = this.hold(page);
    if (!session.own) {
      session.own = true;
      session.kept.load((unsent) => this.#restored(session, unsent));
    }
    return session;
  }

  leave(page: string): void {
    const session = this.#pages.get(page);
    if (session === undefined) return;
    this.hurry(page);
    session.own = false;
    if (this.#relay?.uses(page) !== true) this.release(page);
  }

  /** Opens a page, for this tab or for others that share the connection. */
  hold(page: string): PageSession {
    let session = this.#pages.get(page);
    if (session === undefined) {
      session = new PageSession(page, this.env.vault);
      this.#pages.set(page, session);
      if (this.#link.state.name === "open") this.#join(session);
    }
    return session;
  }

  release(page: string): void {
    if (this.#pages.get(page)?.own !== false || !this.#pages.delete(page)) return;
    this.#cancel(`join ${page}`);
    this.#cancel(`flush ${page}`);
    this.#link.send({ t: "leave", page });
  }

  view(page: string): PageView | undefined {
    return this.#pages.get(page)?.view(this.#link.state.name === "open");
  }

  /** Makes a change: shown at once, sent when it can be and not within `holdMs`. Answers with its id, which is also the id of what it creates. */
  do(page: string, operation: Operation, holdMs = 0): string {
    const broadcastId = this.env.uuid();
    const pending: Pending = {
      broadcastId,
      page,
      operation: { ...operation, traceparent: this.traceparent?.() },
      by: this.#author(),
      ...(this.#tenant === null ? {} : { tenant: this.#tenant }),
      at: this.now(),
      sent: false,
      notBefore: holdMs && this.env.now() + holdMs,
      tries: 0,
    };
    const session = this.open(page);
    session.outbox.add(pending);
    session.kept.keep(pending);
    if (new TextEncoder().encode(JSON.stringify(doFrame(pending))).length > MAX_FRAME_BYTES) this.#refuse(session, pending, TOO_BIG);
    else this.#flush(session);
    this.handlers.onChange();
    return broadcastId;
  }

  /** Takes back a change that is still held. */
  withdraw(page: string, broadcastId: string): void {
    const session = this.open(page);
    if (!session.outbox.withdraw(broadcastId)) return;
    session.kept.drop(broadcastId);
    this.#flush(session);
    this.handlers.onChange();
  }

  /** Sends what is held. */
  hurry(page: string): void {
    const session = this.#pages.get(page);
    session?.outbox.release();
    if (session) this.#flush(session);
  }

  /** Tries a refused change again, as a new one: the refused id is not spent on it. */
  retry(page: string, refused: Refused): void {
    this.discard(page, refused);
    this.do(page, refused.pending.operation);
  }

  discard(page: string, refused: Refused): void {
    const session = this.#pages.get(page);
    if (session === undefined) return;
    session.refused = session.refused.filter((entry) => entry !== refused);
    session.kept.drop(refused.pending.broadcastId);
    this.handlers.onChange();
  }

  typing(page: string, chat: string): void {
    const last = this.#typedAt.get(chat) ?? -Infinity;
    if (this.env.now() - last < TYPING_EVERY_MS) return;
    if (this.send({ t: "typing", page, chat })) this.#typedAt.set(chat, this.env.now());
  }

  send(frame: ClientFrame): boolean {
    return this.#link.send(frame);
  }

  #author(): Person {
    const { id, name, avatar } = this.reader ?? { id: "" };
    return { id, ...(name === undefined ? {} : { name }), ...(avatar === undefined ? {} : { avatar }) };
  }

  #onWelcome(frame: WelcomeFrame, renewed: boolean): void {
    if (this.#tenant !== null && this.#tenant !== frame.tenant) for (const session of this.#pages.values()) session.forget();
    this.#tenant = frame.tenant;
    this.welcome = frame;
    this.reader = frame.reader;
    this.limits = frame.limits ?? {};
    for (const session of this.#pages.values()) {
      this.#adoptOrRefuse(session);
      if (!renewed) this.#join(session);
      else if (session.phase === "forbidden") this.#join(session);
      this.#flush(session);
    }
    this.#relay?.greeted();
    this.handlers.onWelcome?.(frame.reader);
    this.handlers.onChange();
  }

  #restored(session: PageSession, unsent: readonly Unsent[]): void {
    session.restored = unsent;
    if (this.reader !== null) this.#adoptOrRefuse(session);
    this.#flush(session);
    this.handlers.onChange();
  }

  /** What was written before the first greeting is this reader's; what another reader wrote is never sent as ours. */
  #adoptOrRefuse(session: PageSession): void {
    const tenant = this.#tenant ?? "";
    const reader = this.reader?.id;
    session.restore(tenant, reader ?? "");
    for (const entry of [...session.outbox.entries]) {
      if (entry.by.id === "") {
        Object.assign(entry, { by: this.#author(), tenant });
        session.kept.keep(entry);
      } else if (entry.by.id !== reader || entry.tenant !== tenant) this.#refuse(session, entry, OTHER_READER);
    }
  }

  #join(session: PageSession): void {
    this.#after(`join ${session.page}`, JOIN_LIMIT_MS, () => this.#link.replace());
    if (!this.send(session.join())) this.#cancel(`join ${session.page}`);
  }

  #flush(session: PageSession): void {
    if (this.#link.state.name !== "open" || this.reader === null || !session.kept.loaded) return;
    for (const entry of session.outbox.due(this.env.now(), this.reader.id)) {
      entry.sent = true;
      entry.sent = this.send(doFrame(entry)) && entry.sent; // its answer may be here before `send` returns
    }
    const next = session.outbox.nextDue();
    const now = this.env.now();
    if (next !== undefined && next > now) this.#after(`flush ${session.page}`, next - now, () => this.#flush(session));
  }

  #onLost(): void {
    this.#relay?.lost();
    for (const session of this.#pages.values()) {
      session.connectionLost();
      this.#cancel(`join ${session.page}`);
      this.#cancel(`flush ${session.page}`);
    }
    this.handlers.onChange();
  }

  #onFrame(frame: GatewayFrame): void {
    const page = "page" in frame ? frame.page : undefined;
    const session = page === undefined ? undefined : this.#pages.get(page);
    switch (frame.t) {
      case "page":
        if (session === undefined) return;
        session.onPage(frame);
        this.#joinTries.delete(frame.page);
        if (frame.more === true) this.#after(`join ${frame.page}`, JOIN_LIMIT_MS, () => this.#link.replace());
        else {
          this.#cancel(`join ${frame.page}`);
          this.#relay?.complete(session);
        }
        for (const chat of frame.chats) for (const { at } of chat.comments) this.#clock.past(at ?? chat.at);
        this.#flush(session);
        break;
      case "live":
        if (session === undefined) return;
        this.#onLive(session, frame);
        this.#flush(session);
        break;
      case "ack":
        this.#relay?.pass(frame);
        if (session === undefined) return;
        session.outbox.acknowledged(frame.broadcastId, frame.seq, session.cursor);
        this.#flush(session);
        break;
      case "presence":
        if (session?.phase !== "joined") return;
        session.readers = frame.readers;
        this.#relay?.pass(frame);
        break;
      case "resync":
        if (session === undefined) return;
        this.#join(session);
        break;
      case "typing":
        this.#relay?.pass(frame);
        this.handlers.onTyping?.(frame.page, frame.chat, typeof frame.reader === "string" ? { id: frame.reader } : frame.reader);
        return;
      case "error":
        this.#onError(frame);
        break;
      default:
        return;
    }
    this.handlers.onChange();
  }

  #onLive(session: PageSession, frame: LiveFrame): void {
    const taken = session.onLive(frame);
    if (taken === "missed") this.#join(session);
    if (taken !== "taken") return;
    this.#relay?.pass(frame);
    for (const event of frame.events) {
      // Only what was made just now says what time it is; an edited comment keeps its old one.
      if (event.event === "new-text-chat") this.#clock.present(event.chat.at);
      else if (event.event === "updated-text-chat" && event.chat.comment?.id === event.broadcastId) {
        this.#clock.present(event.chat.comment.at ?? 0);
      }
      this.handlers.onEvent?.(session.page, event);
    }
  }

  #onError(frame: ErrorFrame): void {
    if (frame.broadcastId !== undefined) {
      this.#relay?.pass(frame);
      for (const session of this.#pages.values()) {
        const pending = session.outbox.get(frame.broadcastId);
        if (pending !== undefined) this.#onRefusal(session, pending, frame);
      }
      return;
    }
    const session = frame.page === undefined ? undefined : this.#pages.get(frame.page);
    if (session === undefined || session.phase === "away") return;
    if (frame.code === "forbidden") {
      this.#cancel(`join ${session.page}`);
      session.phase = "forbidden";
      session.readers = null;
      this.#relay?.pass(frame);
      this.handlers.onError?.(frame);
    } else if (session.phase === "joining") {
      const tries = this.#joinTries.get(session.page) ?? 0;
      this.#joinTries.set(session.page, tries + 1);
      this.#after(`join ${session.page}`, this.#pause(tries, frame.retryInMs), () => this.#join(session));
    }
  }

  #onRefusal(session: PageSession, pending: Pending, frame: ErrorFrame): void {
    if (PASSING.has(frame.code)) {
      pending.sent = false;
      pending.notBefore = this.env.now() + this.#pause(pending.tries, frame.retryInMs);
      pending.tries += 1;
    } else {
      this.#refuse(session, pending, frame);
    }
    this.#flush(session);
  }

  #refuse(session: PageSession, pending: Pending, error: Pick<ErrorFrame, "code" | "message" | "help">): void {
    const refused = session.outbox.refused(pending.broadcastId, error);
    if (refused === undefined) return;
    session.refused = [...session.refused, refused];
    // What another reader wrote stays theirs: it goes out when they are back.
    if (error.code !== OTHER_READER.code) session.kept.keep(pending, error);
    this.handlers.onError?.(error);
  }

  #pause(tries: number, retryInMs = 0): number {
    return Math.max(1, retryInMs + this.env.random() * Math.min(CAP_MS, BASE_MS * 2 ** Math.min(tries, 16)));
  }

  #after(name: string, ms: number, action: () => void): void {
    this.#cancel(name);
    this.#timers.set(
      name,
      this.env.schedule(ms, () => {
        this.#timers.delete(name);
        action();
      }),
    );
  }

  #cancel(name: string): void {
    this.#timers.get(name)?.();
    this.#timers.delete(name);
  }
}
