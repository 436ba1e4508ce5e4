import type { ErrorFrame, PageEvent, Person, Reader } from "../wire/frames";

/** What a client tells whoever made it. */
export interface ClientHandlers {
  /** Something that a view shows has changed. */
  onChange(): void;
  onTyping?(page: string, chat: string, reader: Person): void;
  onWelcome?(reader: Reader): void;
  /** The page's history grew by this, whoever made it. */
  onEvent?(page: string, event: PageEvent): void;
  /** Something did not work; what the reader wrote is kept. */
  onError?(error: Pick<ErrorFrame, "code" | "message" | "help">): void;
}
