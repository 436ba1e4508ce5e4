import {
  type ClientFrame,
  type ErrorFrame,
  type GatewayFrame,
  MAX_FRAME_BYTES,
  type Operation,
  type Person,
  type Reader,
  type WelcomeFrame,
} from "../wire/frames";
import { BASE_MS, CAP_MS } from "./backoff";
import type { Environment, GetToken } from "./environment";
import { Link, type LinkState } from "./link";
import type { Pending, Refused } from "./outbox";
import { PageSession, type PageView } from "./page-session";

/** An answer to a `join` that never comes is a dead connection. */
export const JOIN_LIMIT_MS = 15_000;
/** "Is typing" is said at most this often, and forgotten after twice the time. */
export const TYPING_EVERY_MS = 3_000;

/** Refusals that pass: the same change goes out again, with the same id, when they have. */
const PASSING = new Set(["internal", "unavailable", "over-limit", "token-expired"]);

export interface ClientHandlers {
  /** Something that a view shows has changed. */
  onChange(): void;
  onTyping?(page: string, chat: string, reader: Person): void;
}

/** One reader's connection with the pages that are open on it. Decides; the environment waits. */
export class Client {
  reader: Reader | null = null;
  limits: Readonly<Record<string, number>> = {};

  readonly #link: Link;
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
    this.#link = new Link(env, url, getToken, {
      onWelcome: (frame, renewed) => this.#onWelcome(frame, renewed),
      onFrame: (frame) => this.#onFrame(frame),
      onLost: () => this.#onLost(),
      onState: () => handlers.onChange(),
    });
  }

  get state(): LinkState {
    return this.#link.state;
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

  open(page: string): PageSession {
    let session = this.#pages.get(page);
    if (session === undefined) {
      session = new PageSession(page);
      this.#pages.set(page, session);
      if (this.#link.state.name === "open") this.#join(session);
    }
    return session;
  }

  leave(page: string): void {
    if (!this.#pages.delete(page)) return;
    this.#cancel(`join ${page}`);
    this.#cancel(`flush ${page}`);
    this.#link.send({ t: "leave", page });
  }

  view(page: string): PageView | undefined {
    return this.#pages.get(page)?.view(this.#link.state.name === "open");
  }

  /** Makes a change: shown at once, sent when it can be. Answers with its id, which is also the id of what it creates. */
  do(page: string, operation: Operation): string {
    const broadcastId = this.env.uuid();
    const pending: Pending = {
      broadcastId,
      page,
      operation,
      by: this.#author(),
      at: this.env.wallClock(),
      sent: false,
      notBefore: 0,
      tries: 0,
    };
    const session = this.open(page);
    session.outbox.add(pending);
    if (new TextEncoder().encode(JSON.stringify(doFrame(pending))).length > MAX_FRAME_BYTES) {
      this.#refuse(session, pending, { code: "too-big", message: "This text is too long to send.", help: "Shorten it and try again." });
    } else {
      this.#flush(session);
    }
    this.handlers.onChange();
    return broadcastId;
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
    this.handlers.onChange();
  }

  typing(page: string, chat: string): void {
    const last = this.#typedAt.get(chat) ?? -Infinity;
    if (this.env.now() - last < TYPING_EVERY_MS) return;
    if (this.#link.send({ t: "typing", page, chat })) this.#typedAt.set(chat, this.env.now());
  }

  #author(): Person {
    const { id, name, avatar } = this.reader ?? { id: "" };
    return { id, ...(name === undefined ? {} : { name }), ...(avatar === undefined ? {} : { avatar }) };
  }

  #onWelcome(frame: WelcomeFrame, renewed: boolean): void {
    if (this.#tenant !== null && this.#tenant !== frame.tenant) for (const session of this.#pages.values()) session.forget();
    this.#tenant = frame.tenant;
    this.reader = frame.reader;
    this.limits = frame.limits ?? {};
    for (const session of this.#pages.values()) {
      this.#adoptOrRefuse(session);
      if (!renewed) this.#join(session);
      else if (session.phase === "forbidden") this.#join(session);
      this.#flush(session);
    }
    this.handlers.onChange();
  }

  /** What was written before the first greeting is this reader's; what another reader wrote is never sent as ours. */
  #adoptOrRefuse(session: PageSession): void {
    for (const entry of [...session.outbox.entries]) {
      if (entry.by.id === "") Object.assign(entry, { by: this.#author() });
      else if (entry.by.id !== this.reader?.id) {
        this.#refuse(session, entry, {
          code: "other-reader",
          message: "This was written under another name and has not been sent.",
          help: "Send it as the present reader, or discard it.",
        });
      }
    }
  }

  #join(session: PageSession): void {
    if (!this.#link.send(session.join())) return;
    this.#after(`join ${session.page}`, JOIN_LIMIT_MS, () => this.#link.replace());
  }

  #flush(session: PageSession): void {
    if (this.#link.state.name !== "open" || this.reader === null) return;
    for (const entry of session.outbox.due(this.env.now(), this.reader.id)) {
      if (this.#link.send(doFrame(entry))) entry.sent = true;
    }
    const next = session.outbox.nextDue();
    const now = this.env.now();
    if (next !== undefined && next > now) this.#after(`flush ${session.page}`, next - now, () => this.#flush(session));
  }

  #onLost(): void {
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
        else this.#cancel(`join ${frame.page}`);
        this.#flush(session);
        break;
      case "live":
        if (session === undefined) return;
        if (!session.onLive(frame)) this.#join(session);
        this.#flush(session);
        break;
      case "ack":
        if (session === undefined) return;
        session.outbox.acknowledged(frame.broadcastId, frame.seq, session.cursor);
        this.#flush(session);
        break;
      case "presence":
        if (session?.phase !== "joined") return;
        session.readers = frame.readers;
        break;
      case "resync":
        if (session === undefined) return;
        this.#join(session);
        break;
      case "typing":
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

  #onError(frame: ErrorFrame): void {
    if (frame.broadcastId !== undefined) {
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
    if (refused !== undefined) session.refused = [...session.refused, refused];
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

function doFrame(entry: Pending): ClientFrame {
  return { t: "do", page: entry.page, broadcastId: entry.broadcastId, ...entry.operation };
}
