import { type ClientFrame, type GatewayFrame, type WelcomeFrame, parseFrame } from "../wire/frames";
import type { LinkState } from "./link";
import type { PageSession } from "./page-session";
import type { TabMessage, Tabs } from "./tabs";

/** Pages that followers may open here; the gateway takes 50 on one connection. More: a connection of their own. */
const MOST_PAGES = 40;

/** What the leading tab's own client does for the others. */
export interface RelayHost {
  readonly state: LinkState;
  readonly welcome: WelcomeFrame | null;
  send(frame: ClientFrame): boolean;
  /** Opens a page for others, or keeps it open for them. */
  hold(page: string): PageSession;
  /** The last of them is gone. */
  release(page: string): void;
}

interface Follower {
  readonly pages: Set<string>;
  /** Said hello and waits for our connection. */
  waiting: boolean;
  readonly forget: () => void;
}

/**
 * The leading tab's side of a shared connection. Followers speak the wire with it as with a gateway: their joins are
 * answered from what this tab knows is complete, so a second tab costs the gateway nothing; their changes go out on
 * the one connection, and the answers find their way back.
 */
export class Relay {
  readonly #followers = new Map<string, Follower>();
  /** Changes on their way: broadcastId → follower. */
  readonly #routes = new Map<string, string>();
  #post: ((message: TabMessage) => void) | null = null;

  constructor(
    private readonly tabs: Tabs,
    private readonly host: RelayHost,
  ) {}

  lead(post: (message: TabMessage) => void): void {
    this.#post = post;
    post({ k: "leads", from: this.tabs.me });
  }

  /** Others lead from here on, or nobody. */
  resign(): void {
    this.#down([...this.#followers.keys()], { t: "move", withinMs: 0 });
    for (const id of [...this.#followers.keys()]) this.#forget(id);
    this.#routes.clear();
    this.#post = null;
  }

  hear(message: TabMessage): void {
    if (this.#post === null) return;
    if (message.k === "bye") this.#forget(message.from);
    if (message.k !== "up") return;
    const frame = parseFrame(message.text) as ClientFrame | null;
    if (frame !== null) this.#frame(message.from, frame);
  }

  /** Some follower looks at this page. */
  uses(page: string): boolean {
    return this.#readersOf(page, true).length > 0;
  }

  // What the leading tab's connection says

  greeted(): void {
    if (this.#post === null) return;
    for (const [id, follower] of this.#followers) if (follower.waiting) this.#welcome(id, follower);
    this.#post({ k: "leads", from: this.tabs.me });
  }

  /** The connection is gone: whatever was on its way has an unknown outcome. */
  lost(): void {
    this.#close([...this.#followers].filter(([, { waiting }]) => !waiting).map(([id]) => id), 1006, "");
    this.#routes.clear();
  }

  /** The page is complete as of its cursor: that answers every join of it. */
  complete(session: PageSession): void {
    this.#down(this.#readersOf(session.page), snapshot(session));
  }

  /** A frame that was taken as it came. */
  pass(frame: GatewayFrame): void {
    if (this.#post === null) return;
    if ("broadcastId" in frame && frame.broadcastId !== undefined) {
      const follower = this.#routes.get(frame.broadcastId);
      this.#routes.delete(frame.broadcastId);
      if (follower !== undefined) this.#down([follower], frame);
    } else if ("page" in frame && frame.page !== undefined) this.#down(this.#readersOf(frame.page), frame);
  }

  // What a follower says

  #frame(from: string, frame: ClientFrame): void {
    const known = this.#followers.get(from);
    if (frame.t === "hello") return this.#hello(from, known);
    if (known === undefined || this.host.state.name !== "open") return this.#close([from], 1006, "");
    switch (frame.t) {
      case "join":
        return this.#join(from, known, frame.page);
      case "leave":
        return this.#leave(known, frame.page);
      case "do":
        this.#routes.set(frame.broadcastId, from);
        this.host.send(frame);
        return;
      case "typing":
        this.host.send(frame);
        return;
      case "ping":
        this.#down([from], { t: "pong" });
    }
  }

  #hello(from: string, known: Follower | undefined): void {
    const follower = known ?? { pages: new Set(), waiting: false, forget: this.tabs.lock(from, false, () => this.#forget(from)) };
    this.#followers.set(from, follower);
    const { state } = this.host;
    if (state.name === "open") this.#welcome(from, follower);
    else if (state.name === "connecting") {
      follower.waiting = true;
      this.#post?.({ k: "wait", from: this.tabs.me, to: [from] });
    } else if (state.name === "stopped") this.#close([from], 4403, JSON.stringify({ code: state.code }));
    else this.#close([from], 1006, "");
  }

  #welcome(id: string, follower: Follower): void {
    if (this.host.welcome === null) return;
    follower.waiting = false;
    const { renewInMs: _, ...frame } = this.host.welcome; // the leader renews for all
    this.#down([id], frame);
  }

  #join(from: string, follower: Follower, page: string): void {
    const pages = new Set([...this.#followers.values()].flatMap((other) => [...other.pages]));
    if (pages.size >= MOST_PAGES && !pages.has(page)) return this.#close([from], FULL, "");
    const session = this.host.hold(page);
    follower.pages.add(page);
    if (session.phase === "joined") this.#down([from], snapshot(session));
    else if (session.phase === "forbidden") this.#down([from], { t: "error", code: "forbidden", message: "", page });
  }

  #leave(follower: Follower, page: string): void {
    if (follower.pages.delete(page) && !this.uses(page)) this.host.release(page);
  }

  /** It is gone, or has a connection of its own. */
  #forget(id: string): void {
    const follower = this.#followers.get(id);
    if (follower === undefined) return;
    this.#followers.delete(id);
    follower.forget();
    for (const page of [...follower.pages]) this.#leave(follower, page);
  }

  #readersOf(page: string, waitingToo = false): string[] {
    const looking = [...this.#followers].filter(([, { pages, waiting }]) => pages.has(page) && (waitingToo || !waiting));
    return looking.map(([id]) => id);
  }

  #down(to: readonly string[], frame: GatewayFrame): void {
    if (to.length > 0) this.#post?.({ k: "down", from: this.tabs.me, to, text: JSON.stringify(frame) });
  }

  #close(to: readonly string[], code: number, reason: string): void {
    if (to.length > 0) this.#post?.({ k: "closed", from: this.tabs.me, to, code, reason });
  }
}

/** Not on the wire: this leader takes no more, open a connection of your own. */
export const FULL = 4999;

/** The page as the leading tab knows it, complete as of its cursor. */
function snapshot(session: PageSession): GatewayFrame {
  const { page, cursor, readers, store } = session;
  return { t: "page", page, epoch: cursor?.epoch ?? "", seq: cursor?.seq ?? 0, kind: "snapshot", chats: store.chats(), gone: [], readers: readers ?? 1 };
}
