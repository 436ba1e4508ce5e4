import { type ClientFrame, type Cursor, type GatewayFrame, type PageFrame, type WelcomeFrame, parseFrame } from "../wire/frames";
import type { Environment, Socket, SocketHandlers, Transport } from "./environment";
import { EventStreamParser } from "./event-stream";

/** What HTTP looks like from here. Tokens travel in a header, never in an address. */
export interface Http {
  /** GET, or POST of `body`. Rejects where the network does. */
  request(url: string, token: string, body: string | null): { readonly answer: Promise<HttpAnswer>; abort(): void };
  /** A body that is read as it comes. `onEnd` once: with the whole answer where the status is not 200, else when it ends. */
  stream(url: string, token: string, lastEventId: string | null, onText: (text: string) => void, onEnd: (answer: HttpAnswer | null) => void): () => void;
}

export interface HttpAnswer {
  readonly status: number;
  readonly text: string;
}

/** A stream says something within this (the gateway does so at once), or something on the way holds it back. */
const FIRST_TEXT_MS = 5_000;
/** How long the gateway may hold a question back; its own limit is 30 s. */
const WAIT_MS = 25_000;
/** The gateway's comments come every 25 s. */
const IDLE_MS = 40_000;
/** A question may need a connection of its own first. */
const PONG_MS = 6_000;

export class HttpTransport implements Transport {
  /** Whether event streams come through here; else questions that wait. */
  streams = true;

  constructor(
    readonly env: Environment,
    readonly http: Http,
    readonly base: string,
  ) {}

  open(token: string, handlers: SocketHandlers): Socket {
    return new HttpSocket(this, token, handlers);
  }

  stop(): void {}
}

/** The frames of the wire over HTTP: a stream of events, or long questions, for each page; a request for each change. */
class HttpSocket implements Socket {
  readonly idleMs = IDLE_MS;
  readonly pongMs = PONG_MS;
  readonly #pages = new Map<string, PageReader>();
  readonly #running = new Set<() => void>();
  #welcome: WelcomeFrame | null = null;
  #client = "";
  /** Changes go out one after the other, as on a socket. */
  #sending: Promise<void> = Promise.resolve();
  #over = false;

  constructor(
    readonly way: HttpTransport,
    public token: string,
    private readonly handlers: SocketHandlers,
  ) {
    void Promise.resolve().then(() => this.#over || handlers.onOpen());
  }

  send(text: string): void {
    const frame = JSON.parse(text) as ClientFrame;
    switch (frame.t) {
      case "hello":
        this.#client = frame.client;
        void this.#greet(this.token);
        return;
      case "join": {
        this.#pages.get(frame.page)?.stop();
        this.#pages.set(frame.page, new PageReader(this, frame.page, frame.since ?? null));
        return;
      }
      case "leave":
        this.#pages.get(frame.page)?.stop();
        this.#pages.delete(frame.page);
        return;
      case "do":
        this.#sending = this.#sending.then(() => this.#post(frame.page, frame.broadcastId, text));
        return;
      case "renew":
        void this.#greet(frame.token);
        return;
      case "ping":
        for (const page of this.#pages.values()) page.restart();
        if (this.#pages.size === 0) this.receive({ t: "pong" });
        return;
      case "typing":
        void this.request(this.address(frame.page, "typing"), text);
    }
  }

  close(): void {
    if (this.#over) return;
    this.#over = true;
    for (const page of this.#pages.values()) page.stop();
    for (const abort of this.#running) abort();
  }

  /** `query` comes after the widget's own id. */
  address(page: string, what: string, query = ""): string {
    const bytes = new TextEncoder().encode(page);
    const name = btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
    return `${this.way.base}/pages/${name}/${what}?client=${this.#client}${query}`;
  }

  /** Hands a frame on, or any sign of life. */
  receive(frame: GatewayFrame | string): void {
    if (!this.#over) this.handlers.onMessage(typeof frame === "string" ? frame : JSON.stringify(frame));
  }

  /** Ends everything; the link decides what comes next. */
  fail(answer: HttpAnswer | null, page?: string): void {
    if (this.#over) return;
    const problem = parseProblem(answer);
    if (problem.code === "forbidden" && page !== undefined) {
      this.#pages.get(page)?.stop();
      this.receive({ t: "error", message: "", ...problem, code: problem.code, page });
      return;
    }
    this.close();
    this.handlers.onClose(closeCode(answer?.status ?? 0, problem.code), JSON.stringify(problem));
  }

  request(url: string, body: string | null, token = this.token): Promise<HttpAnswer | null> {
    const { answer, abort } = this.way.http.request(url, token, body);
    this.#running.add(abort);
    return answer.catch(() => null).finally(() => this.#running.delete(abort));
  }

  async #post(page: string, broadcastId: string, text: string): Promise<void> {
    if (this.#over) return;
    const answer = await this.request(this.address(page, "operations"), text);
    if (answer === null || answer.status === 401) return this.fail(answer);
    if (answer.status === 200) return this.receive(answer.text);
    const problem = parseProblem(answer);
    this.receive({ t: "error", message: "", ...problem, code: problem.code ?? "internal", page, broadcastId });
  }

  /** What `hello` and `renew` are answered with. */
  async #greet(token: string): Promise<void> {
    const answer = await this.request(`${this.way.base}/welcome`, null, token);
    const before = this.#welcome;
    if (answer?.status !== 200) {
      if (before === null || answer === null) this.fail(answer);
      else this.receive({ t: "error", message: "", code: "token-invalid", ...parseProblem(answer) });
      return;
    }
    const welcome = parseFrame(answer.text) as WelcomeFrame;
    if (before !== null && (before.tenant !== welcome.tenant || before.reader.id !== welcome.reader.id)) {
      this.receive({ t: "error", message: "", code: "renew-mismatch" });
      return;
    }
    this.#welcome = welcome;
    this.token = token;
    if (before !== null) for (const page of this.#pages.values()) page.restart();
    this.receive(welcome);
  }
}

/** One page, read by a stream or by questions. */
class PageReader {
  #cursor: Cursor | null;
  #stop: () => void = () => {};
  #turn = 0;
  #readers = 0;

  constructor(
    private readonly socket: HttpSocket,
    private readonly page: string,
    since: Cursor | null,
  ) {
    this.#cursor = since;
    this.restart();
  }

  stop(): void {
    this.#turn += 1;
    this.#stop();
  }

  /** Begins anew where it was: whatever answers shows that the way is open. */
  restart(): void {
    this.stop();
    const turn = this.#turn;
    if (this.socket.way.streams) this.#stream(turn);
    else void this.#ask(turn);
  }

  #stream(turn: number): void {
    const { way, token } = this.socket;
    const { env, http } = way;
    const parser = new EventStreamParser((data) => this.#frame(data));
    const held = env.schedule(FIRST_TEXT_MS, () => {
      way.streams = false;
      this.restart();
    });
    const last = this.#cursor === null ? null : `${this.#cursor.epoch}:${this.#cursor.seq}`;
    const abort = http.stream(this.socket.address(this.page, "events"), token, last,
      (text) => {
        held();
        if (turn !== this.#turn) return;
        this.socket.receive("");
        parser.feed(text);
      },
      (answer) => {
        held();
        if (turn === this.#turn) this.socket.fail(answer, this.page);
      },
    );
    this.#stop = () => {
      held();
      abort();
    };
  }

  async #ask(turn: number): Promise<void> {
    this.#stop = () => {};
    for (let wait = 0; ; wait = WAIT_MS) {
      const since = this.#cursor && `&epoch=${encodeURIComponent(this.#cursor.epoch)}&seq=${this.#cursor.seq}&waitMs=${wait}&readers=${this.#readers}`;
      const answer = await this.socket.request(this.socket.address(this.page, "changes", since ?? ""), null);
      if (turn !== this.#turn) return;
      if (answer?.status !== 200) return this.socket.fail(answer, this.page);
      this.#frame(answer.text);
      const page = parseFrame(answer.text) as (PageFrame & { typing?: GatewayFrame[] }) | null;
      this.#readers = page?.readers ?? 0;
      for (const typing of page?.typing ?? []) this.socket.receive(typing);
    }
  }

  #frame(text: string): void {
    const frame = parseFrame(text);
    if (frame === null) return;
    if (frame.t === "page" || frame.t === "live") this.#cursor = { epoch: frame.epoch, seq: frame.seq };
    if (frame.t === "error" && frame.broadcastId === undefined) {
      this.socket.fail({ status: 0, text }, this.page); // a stream's last word
      return;
    }
    this.socket.receive(text);
  }
}

interface Problem {
  readonly code?: string;
  readonly message?: string;
  readonly help?: string;
  readonly retryInMs?: number;
}

function parseProblem(answer: HttpAnswer | null): Problem {
  try {
    return (JSON.parse(answer?.text ?? "{}") as Problem | null) ?? {};
  } catch {
    return {};
  }
}

/** What a socket would have been closed with. */
function closeCode(status: number, code: string | undefined): number {
  if (status === 401 || code?.startsWith("token-") === true) return 4401;
  if (code === "origin-refused" || code === "suspended") return 4403;
  if (code === "over-limit") return 4429;
  return 1006;
}
