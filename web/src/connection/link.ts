import { type ClientFrame, type GatewayFrame, type WelcomeFrame, parseFrame } from "../wire/frames";
import { Backoff, MIN_UP_MS } from "./backoff";
import { type AfterClose, afterClose, closeReason } from "./close-codes";
import type { Environment, GetToken, Socket, Transport } from "./environment";

/** Socket open and welcome received within this, or the attempt failed: a captive portal answers nothing at all. */
export const CONNECT_LIMIT_MS = 10_000;
/** A `ping` is answered within this, or the socket is dead whatever the browser says. */
export const PING_LIMIT_MS = 2_000;
/** Nothing received for this long: ask whether the other side still lives. */
export const IDLE_MS = 25_000;
/** A renewal that could not be made is tried again after this. */
const RENEW_AGAIN_MS = 10_000;

type TimerName = "retry" | "limit" | "idle" | "pong" | "renew" | "move";

export type LinkState =
  | { readonly name: "connecting" }
  | { readonly name: "open" }
  | { readonly name: "waiting" }
  /** Trying again would change nothing; `code` says why. */
  | { readonly name: "stopped"; readonly code: string };

export interface LinkHandlers {
  /** A connection is greeted. Frames may be sent from here on. */
  onWelcome(frame: WelcomeFrame, renewed: boolean): void;
  onFrame(frame: GatewayFrame): void;
  /** The connection is gone: whatever was on its way has an unknown outcome. */
  onLost(): void;
  onState(): void;
}

/** Keeps one greeted connection to the gateway: tokens, backoff, liveness. Knows nothing of pages. */
export class Link {
  state: LinkState = { name: "waiting" };

  readonly #backoff: Backoff;
  readonly #client: string;
  #token: string | null = null;
  #socket: Socket | null = null;
  #started = false;
  /** Grows with every attempt, so that late answers of an abandoned one are recognised. */
  #attempt = 0;
  #openedAt = 0;
  #refusals = 0;
  #notBefore = 0;
  #welcomed = false;
  #renewing = false;
  #timers: Partial<Record<TimerName, () => void>> = {};

  constructor(
    private readonly env: Environment,
    private readonly transport: Transport,
    private readonly getToken: GetToken,
    private readonly handlers: LinkHandlers,
  ) {
    this.#backoff = new Backoff(() => env.random());
    this.#client = env.uuid();
  }

  start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#connect();
  }

  stop(): void {
    this.#started = false;
    this.pause();
  }

  /**
   * Lets go of the connection, because nothing runs here for a while: the page is frozen or put away. A nudge or a
   * replacement ends the pause.
   */
  pause(): void {
    this.#drop(1000);
    this.transport.stop();
    this.#clearAll();
    if (this.state.name !== "stopped") this.#setState({ name: "waiting" });
  }

  /** True when the frame was handed to a greeted connection. */
  send(frame: ClientFrame): boolean {
    if (!this.#welcomed || this.#socket === null) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  /**
   * The world changed: the network is back, the page is visible again, the device woke up. Waiting ends now;
   * an open connection must prove within two seconds that it lives.
   */
  nudge(): void {
    if (!this.#started || this.state.name === "stopped") return;
    if (this.state.name === "open") this.#probe();
    else if (this.state.name === "waiting" && this.env.now() >= this.#notBefore) this.#connect();
  }

  /** The page came back from the back/forward cache: its socket is dead although it says it is open. */
  replace(): void {
    if (!this.#started || this.state.name === "stopped") return;
    this.#drop(1000);
    this.#connect();
  }

  /** Asks for a fresh token and hands it in over the open connection. */
  renew(): void {
    if (this.#renewing || this.state.name !== "open") return;
    this.#renewing = true;
    const attempt = this.#attempt;
    this.getToken("renew").then(
      (token) => {
        this.#renewing = false;
        this.#token = token;
        if (attempt === this.#attempt) this.send({ t: "renew", token });
      },
      () => {
        this.#renewing = false;
        if (attempt === this.#attempt) this.#timer("renew", RENEW_AGAIN_MS, () => this.renew());
      },
    );
  }

  /** The present token is of no more use: the next connection asks for another. */
  reconnectWithNewToken(): void {
    this.#token = null;
    this.replace();
  }

  #connect(): void {
    this.#clearAll();
    const attempt = ++this.#attempt;
    this.#setState({ name: "connecting" });
    this.#timer("limit", CONNECT_LIMIT_MS, () => {
      this.#drop(1000);
      this.#wait(0);
    });
    if (this.#token !== null) {
      this.#open(attempt, this.#token);
      return;
    }
    this.getToken(this.#refusals > 0 ? "refused" : "start").then(
      (token) => {
        if (attempt !== this.#attempt || !this.#started) return;
        this.#token = token;
        this.#open(attempt, token);
      },
      () => {
        if (attempt === this.#attempt && this.#started) this.#wait(0);
      },
    );
  }

  #open(attempt: number, token: string): void {
    const current = (): boolean => attempt === this.#attempt;
    this.#socket = this.transport.open(token, {
      onOpen: () => {
        if (current()) this.#socket?.send(JSON.stringify({ t: "hello", v: 1, token, client: this.#client } satisfies ClientFrame));
      },
      onMessage: (text) => {
        if (current()) this.#receive(text);
      },
      onClose: (code, reason) => {
        if (current()) this.#closed(code, reason);
      },
    });
  }

  #receive(text: string): void {
    this.#cancel("pong");
    this.#timer("idle", this.#socket?.idleMs ?? IDLE_MS, () => this.#probe());
    const frame = parseFrame(text);
    if (frame === null) return;
    switch (frame.t) {
      case "welcome":
        this.#onWelcome(frame);
        return;
      case "pong":
        return;
      case "move":
        this.#timer("move", this.env.random() * frame.withinMs, () => this.replace());
        return;
      case "renew":
        // Half of the time is for everybody's requests to spread, the other half to get the answer.
        this.#timer("renew", (this.env.random() * frame.withinMs) / 2, () => this.renew());
        return;
      case "error":
        if (frame.code === "renew-mismatch") this.reconnectWithNewToken();
        else if (frame.code === "token-invalid" || frame.code === "token-expired") {
          this.#timer("renew", this.#backoff.next(frame.retryInMs), () => this.renew());
        }
        break;
    }
    this.handlers.onFrame(frame);
  }

  #onWelcome(frame: WelcomeFrame): void {
    const renewed = this.#welcomed;
    this.#welcomed = true;
    this.#refusals = 0;
    this.#cancel("limit");
    if (frame.renewInMs !== undefined) this.#timer("renew", frame.renewInMs, () => this.renew());
    if (!renewed) {
      this.#openedAt = this.env.now();
      this.#setState({ name: "open" });
    }
    this.handlers.onWelcome(frame, renewed);
  }

  #probe(): void {
    if (this.state.name !== "open" || this.#timers.pong !== undefined) return;
    this.#timer("pong", this.#socket?.pongMs ?? PING_LIMIT_MS, () => this.replace());
    this.send({ t: "ping" });
  }

  #closed(code: number, reason: string): void {
    const said = closeReason(reason);
    const after: AfterClose = afterClose(code);
    this.#lost();
    if (after === "stop") {
      this.#clearAll();
      this.#setState({ name: "stopped", code: said.code ?? "forbidden" });
      return;
    }
    if (after === "new-token") {
      this.#token = null;
      this.#refusals += 1;
      if (this.#refusals === 1) {
        this.#connect();
        return;
      }
    }
    if (after === "back-off") this.#backoff.atLeast(4);
    this.#wait(said.retryInMs ?? 0, after === "back-off" || said.retryInMs !== undefined);
  }

  /** `firm`: the server asked for the wait, so nothing shortens it. */
  #wait(retryInMs: number, firm = false): void {
    if (!this.#started) return;
    this.#clearAll();
    const delay = this.#backoff.next(retryInMs);
    this.#notBefore = firm ? this.env.now() + delay : 0;
    this.#timer("retry", delay, () => this.#connect());
    this.#setState({ name: "waiting" });
  }

  /** Closes our side and forgets the connection; nothing of it is heard any more. */
  #drop(code: number): void {
    const socket = this.#socket;
    this.#lost();
    socket?.close(code);
  }

  #lost(): void {
    this.#attempt += 1; // nothing of this connection is heard from here on
    const had = this.#socket !== null;
    if (this.#welcomed && this.env.now() - this.#openedAt >= MIN_UP_MS) this.#backoff.reset();
    this.#socket = null;
    this.#welcomed = false;
    this.#renewing = false;
    if (had) this.handlers.onLost();
  }

  #setState(state: LinkState): void {
    if (state.name === this.state.name) return;
    this.state = state;
    this.handlers.onState();
  }

  #timer(name: TimerName, ms: number, action: () => void): void {
    this.#cancel(name);
    this.#timers[name] = this.env.schedule(ms, () => {
      delete this.#timers[name];
      action();
    });
  }

  #cancel(name: TimerName): void {
    this.#timers[name]?.();
    delete this.#timers[name];
  }

  #clearAll(): void {
    for (const name of Object.keys(this.#timers) as TimerName[]) this.#cancel(name);
  }
}
