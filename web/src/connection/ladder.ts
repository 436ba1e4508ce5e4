import type { Environment, Socket, SocketHandlers, Transport } from "./environment";

/** A WebSocket opens within this, or something on the way swallows it. */
const OPEN_LIMIT_MS = 6_000;
/** Failures in a row until HTTP is tried: at once where a WebSocket never worked, later where the server may be restarting. */
const PATIENCE = { unknown: 1, worked: 3 };
/** On HTTP, a WebSocket is tried again after this, twice as long each time: soon where it worked before. */
const PROBE_MS = { unknown: 30_000, worked: 2_000 };
const PROBE_CAP_MS = 600_000;

/** A frame that makes the link open its next connection now. */
export const MOVE_NOW = '{"t":"move","withinMs":0}';

/** WebSocket where it works, HTTP where it does not; climbs back up by itself. */
export class Ladder implements Transport {
  #detour: Transport | null = null;
  #known: "unknown" | "worked" = "unknown";
  #failures = 0;
  #probes = 0;
  #endProbe: () => void = () => {};

  constructor(
    private readonly env: Environment,
    private readonly url: string,
  ) {}

  open(token: string, handlers: SocketHandlers): Socket {
    if (this.env.detour === undefined) return this.env.openSocket(this.url, handlers);
    this.#endProbe();
    const patience = PATIENCE[this.#known];
    if (this.#failures < patience) return this.#openWebSocket(handlers);
    this.#failures = patience - 1; // should HTTP fail too, the next turn is the WebSocket's
    const proven = (): void => {
      if (this.#failures >= patience) return;
      this.#failures = patience;
      this.#probeLater(handlers);
    };
    const closed = (code: number, reason: string): void => {
      if (code > 4_000) this.#failures = patience; // a refusal comes from the gateway: the way is open
      this.#endProbe();
      handlers.onClose(code, reason);
    };
    const heard = (text: string): void => {
      proven();
      handlers.onMessage(text);
    };
    return this.#openDetour(token, { onOpen: handlers.onOpen, onMessage: heard, onClose: closed });
  }

  stop(): void {
    this.#endProbe();
  }

  /** It is a file of its own that few need; not getting it is a connection that did not open. */
  #openDetour(token: string, handlers: SocketHandlers): Socket {
    let socket: Socket | null = null;
    let over = false;
    const open = async (): Promise<void> => {
      this.#detour ??= (await this.env.detour?.(this.env, this.url.replace(/^ws/, "http").replace(/\/live$/, ""))) ?? null;
      if (!over) socket = this.#detour?.open(token, handlers) ?? null;
    };
    open().catch(() => over || handlers.onClose(1006, ""));
    return {
      get idleMs() {
        return socket?.idleMs;
      },
      get pongMs() {
        return socket?.pongMs;
      },
      send: (text) => socket?.send(text),
      close() {
        over = true;
        socket?.close();
      },
    };
  }

  #openWebSocket(handlers: SocketHandlers): Socket {
    let heard = false;
    let over = false;
    const close = (code: number, reason: string): void => {
      if (over) return;
      over = true;
      late();
      if (!heard) this.#failures += 1;
      handlers.onClose(code, reason);
    };
    const late = this.env.schedule(OPEN_LIMIT_MS, () => {
      socket.close();
      close(1006, "");
    });
    const socket = this.env.openSocket(this.url, {
      onOpen: () => {
        late();
        if (!over) handlers.onOpen();
      },
      onMessage: (text) => {
        heard = true;
        this.#known = "worked";
        this.#failures = 0;
        this.#probes = 0;
        if (!over) handlers.onMessage(text);
      },
      onClose: close,
    });
    return {
      send: (text) => socket.send(text),
      close: (code) => {
        if (!over && !heard) this.#failures += 1; // nobody waits this long for a way that works
        over = true;
        late();
        socket.close(code);
      },
    };
  }

  #probeLater(handlers: SocketHandlers): void {
    this.#endProbe();
    const wait = Math.min(PROBE_CAP_MS, PROBE_MS[this.#known] * 2 ** this.#probes);
    this.#probes += 1;
    this.#endProbe = this.env.schedule(wait, () => {
      const end = (): void => {
        this.#endProbe = () => {};
        late();
        probe.close();
      };
      const again = (): void => {
        if (this.#endProbe === end) this.#probeLater(handlers);
      };
      const late = this.env.schedule(OPEN_LIMIT_MS, again);
      const opened = (): void => {
        if (this.#endProbe !== end) return;
        end();
        this.#failures = 0;
        handlers.onMessage(MOVE_NOW);
      };
      this.#endProbe = end;
      const probe = this.env.openSocket(this.url, { onOpen: opened, onMessage: () => {}, onClose: again });
    });
  }
}
