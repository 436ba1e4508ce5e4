import type { Environment, Socket, SocketHandlers } from "../../src/connection/environment";
import type { Channel, TabMessage, Tabs } from "../../src/connection/tabs";
import type { Saved, Unsent, Vault } from "../../src/connection/vault";
import { SimulatedSocket, settle } from "./simulated-world";

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly tab: SimulatedTab;
  readonly action: () => void;
}

interface Claim {
  readonly tab: SimulatedTab;
  readonly onGranted: () => void;
  readonly onStolen: () => void;
}

/** One browser: a clock, locks, channels and a disk that its tabs share. A test freezes, kills and reloads the tabs. */
export class SimulatedBrowser {
  now = 1_000;
  readonly disk = new Map<string, { page: string; owner?: string; unsent?: Unsent; draft?: string; name: string }>();
  readonly channels: { name: string; tab: SimulatedTab; onMessage: (message: TabMessage) => void }[] = [];
  readonly posted: TabMessage[] = [];
  readonly tabs: SimulatedTab[] = [];
  #timers: Timer[] = [];
  #order = 0;
  /** The first of a queue holds the lock. */
  readonly #locks = new Map<string, Claim[]>();

  constructor(
    readonly dice: () => number,
    readonly onSocket: (socket: SimulatedSocket, tab: SimulatedTab) => void,
  ) {}

  open(reader: string): SimulatedTab {
    const tab = new SimulatedTab(this, reader, `tab${this.tabs.length}`);
    this.tabs.push(tab);
    return tab;
  }

  pendingTimers(tab: SimulatedTab): number {
    return this.#timers.filter((timer) => timer.tab === tab).length;
  }

  schedule(tab: SimulatedTab, ms: number, action: () => void): () => void {
    let over = false;
    const timer = { at: this.now + ms, order: (this.#order += 1), tab, action: () => over || action() };
    this.#timers.push(timer);
    return () => {
      over = true; // also where it fell due in a frozen tab
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Lets time pass. What falls due in a frozen tab waits for it; what falls due in a dead one never happens. */
  async pass(ms: number): Promise<void> {
    const until = this.now + ms;
    await settle();
    for (;;) {
      this.#timers.sort((a, b) => a.at - b.at || a.order - b.order);
      const next = this.#timers[0];
      if (next === undefined || next.at > until) break;
      this.#timers.shift();
      this.now = Math.max(this.now, next.at);
      next.tab.run(next.action);
      await settle();
    }
    this.now = until;
  }

  lock(tab: SimulatedTab, name: string, steal: boolean, onGranted: () => void, onStolen: () => void): () => void {
    const claim = { tab, onGranted, onStolen };
    const queue = this.#locks.get(name) ?? [];
    this.#locks.set(name, queue);
    const grant = (to: Claim): unknown => this.schedule(to.tab, 0, () => queue[0] === to && to.onGranted());
    if (steal) {
      const [holder] = queue.splice(0, 1, claim);
      if (holder !== undefined) this.schedule(holder.tab, 0, holder.onStolen);
      grant(claim);
    } else {
      queue.push(claim);
      if (queue.length === 1) grant(claim);
    }
    return () => {
      const place = queue.indexOf(claim);
      if (place === -1) return;
      queue.splice(place, 1);
      if (place === 0 && queue[0] !== undefined) grant(queue[0]);
    };
  }

  /** A dead tab holds nothing. */
  releaseAll(tab: SimulatedTab): void {
    for (const queue of this.#locks.values()) {
      const held = queue[0]?.tab === tab;
      for (const claim of [...queue]) if (claim.tab === tab) queue.splice(queue.indexOf(claim), 1);
      const next = queue[0];
      if (held && next !== undefined) this.schedule(next.tab, 0, () => queue[0] === next && next.onGranted());
    }
  }

  post(from: SimulatedTab, name: string, message: TabMessage): void {
    this.posted.push(message);
    const copy = JSON.stringify(message);
    for (const end of this.channels) {
      if (end.name !== name || end.tab === from) continue;
      this.schedule(end.tab, 0, () => this.channels.includes(end) && end.onMessage(JSON.parse(copy) as TabMessage));
    }
  }
}

export class SimulatedTab implements Environment {
  readonly sockets: SimulatedSocket[] = [];
  looked = true;
  alive = true;
  readonly tabs: Tabs;
  readonly vault: Vault;
  #frozen = false;
  #backlog: (() => void)[] = [];
  #ids = 0;

  constructor(
    readonly browser: SimulatedBrowser,
    readonly reader: string,
    readonly name: string,
  ) {
    this.tabs = {
      me: name,
      visible: () => this.looked,
      channel: (channel, onMessage) => this.#channel(channel, onMessage),
      lock: (lock, steal, onGranted, onStolen = () => {}) => browser.lock(this, lock, steal, onGranted, onStolen),
    };
    this.vault = new SimulatedVault(this);
    browser.lock(this, name, false, () => {}, () => {});
  }

  /** Signed by nobody: only its claims matter here. */
  get token(): string {
    return `e30.${btoa(JSON.stringify({ sub: this.reader, tenant: "acme", role: "moderator", exp: this.browser.now }))}.x`;
  }

  run(action: () => void): void {
    if (!this.alive) return;
    if (this.#frozen) this.#backlog.push(action);
    else action();
  }

  freeze(): void {
    this.#frozen = true;
  }

  thaw(): void {
    this.#frozen = false;
    for (const action of this.#backlog.splice(0)) this.run(action);
  }

  kill(): void {
    this.alive = false;
    for (const socket of this.sockets) socket.closedWith ??= 1006;
    this.browser.releaseAll(this);
  }

  now(): number {
    return this.browser.now;
  }

  wallClock(): number {
    return 1_795_000_000_000 + this.browser.now;
  }

  random(): number {
    return this.browser.dice();
  }

  uuid(): string {
    this.#ids += 1;
    return `${this.name}-${this.#ids}`;
  }

  schedule(ms: number, action: () => void): () => void {
    return this.browser.schedule(this, ms, action);
  }

  openSocket(url: string, handlers: SocketHandlers): Socket {
    const socket = new SimulatedSocket(url, {
      onOpen: () => this.run(() => handlers.onOpen()),
      onMessage: (text) => this.run(() => handlers.onMessage(text)),
      onClose: (code, reason) => this.run(() => handlers.onClose(code, reason)),
    });
    this.sockets.push(socket);
    this.browser.onSocket(socket, this);
    return socket;
  }

  get openSockets(): number {
    return this.sockets.filter(({ closedWith }) => closedWith === undefined).length;
  }

  #channel(name: string, onMessage: (message: TabMessage) => void): Channel {
    const end = { name, tab: this, onMessage };
    const { channels } = this.browser;
    channels.push(end);
    return {
      post: (message) => this.browser.post(this, name, message),
      close: () => {
        if (channels.includes(end)) channels.splice(channels.indexOf(end), 1);
      },
    };
  }
}

class SimulatedVault implements Vault {
  constructor(private readonly tab: SimulatedTab) {}

  load(page: string): Promise<Saved> {
    const { disk, tabs } = this.tab.browser;
    const living = new Set(tabs.filter((tab) => tab.alive && tab !== this.tab).map(({ name }) => name));
    const rows = [...disk.values()].filter((row) => row.page === page && !living.has(row.owner ?? ""));
    const unsent = rows.flatMap((row) => row.unsent ?? []).sort((a, b) => a.order - b.order);
    const drafts = Object.fromEntries(rows.flatMap(({ name, draft }) => (draft === undefined ? [] : [[name, draft]])));
    return Promise.resolve(structuredClone({ unsent, drafts }));
  }

  keep(unsent: Unsent): void {
    const { broadcastId: name, page } = unsent;
    this.tab.browser.disk.set(`unsent ${page} ${name}`, { page, name, owner: this.tab.name, unsent: structuredClone(unsent) });
  }

  drop(page: string, broadcastId: string): void {
    this.tab.browser.disk.delete(`unsent ${page} ${broadcastId}`);
  }

  draft(page: string, name: string, draft: string): void {
    if (draft === "") this.tab.browser.disk.delete(`draft ${page} ${name}`);
    else this.tab.browser.disk.set(`draft ${page} ${name}`, { page, name, draft });
  }
}
