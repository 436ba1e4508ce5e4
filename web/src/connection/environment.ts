/** What the connection needs from the world. Everything that waits, counts or is random comes through here. */

export interface SocketHandlers {
  onOpen(): void;
  onMessage(text: string): void;
  /** Called exactly once; `code` 1006 where the network simply went away. */
  onClose(code: number, reason: string): void;
}

export interface Socket {
  send(text: string): void;
  close(code?: number): void;
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
}

/** Why a token is asked for: at the start, because the last one was refused, or because it runs out soon. */
export type TokenReason = "start" | "refused" | "renew";

export type GetToken = (reason: TokenReason) => Promise<string>;
