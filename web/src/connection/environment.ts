/** What the connection needs from the world. Everything that waits, counts or is random comes through here. */

import type { Tabs } from "./tabs";
import type { Vault } from "./vault";

export interface SocketHandlers {
  onOpen(): void;
  /** A frame, or anything else that shows that the other side lives. */
  onMessage(text: string): void;
  /** Called exactly once; `code` 1006 where the network simply went away. */
  onClose(code: number, reason: string): void;
}

export interface Socket {
  send(text: string): void;
  close(code?: number): void;
  /** Silence after which it must prove that it lives, and how long the proof may take. Milliseconds; default: the link's own. */
  readonly idleMs?: number | undefined;
  readonly pongMs?: number | undefined;
}

/** Opens connections that speak the wire, over whatever carries it. */
export interface Transport {
  open(token: string, handlers: SocketHandlers): Socket;
  /** Gives up whatever it holds beyond single connections; `open` takes it up again. */
  stop(): void;
}

export interface Environment {
  /** Milliseconds on a clock that never goes backwards; its zero means nothing. */
  now(): number;
  /** Milliseconds since the epoch, for times that people read. */
  wallClock(): number;
  /** Uniform in [0, 1). */
  random(): number;
  uuid(): string;
  /** Runs `action` once after `ms`; the answer cancels it. */
  schedule(ms: number, action: () => void): () => void;
  openSocket(url: string, handlers: SocketHandlers): Socket;
  /** A way around blocked WebSockets, fetched when it is needed; `base` is the server's address of the version. */
  readonly detour?: (env: Environment, base: string) => Promise<Transport>;
  /** Without it every tab has a connection of its own. */
  readonly tabs?: Tabs;
  /** Without it nothing outlives the page. */
  readonly vault?: Vault;
}

/** Why a token is asked for: at the start, because the last one was refused, or because it runs out soon. */
export type TokenReason = "start" | "refused" | "renew";

export type GetToken = (reason: TokenReason) => Promise<string>;
