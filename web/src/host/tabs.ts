import type { TabMessage, Tabs } from "../connection/tabs";

/**
 * Web Locks and BroadcastChannel, where the browser has both (Web Locks only on secure pages). `null` elsewhere: each tab
 * then has a connection of its own. Also answers how to give the instance's own lock back.
 */
export function browserTabs(me: string): { tabs: Tabs; hold(): void; release(): void } | null {
  if (typeof BroadcastChannel !== "function" || typeof navigator.locks?.request !== "function") return null;
  const tabs: Tabs = {
    me,
    visible: () => document.visibilityState === "visible",
    channel(name, onMessage) {
      const channel = new BroadcastChannel(name);
      channel.onmessage = (event: MessageEvent<TabMessage>) => onMessage(event.data);
      return { post: (message) => channel.postMessage(message), close: () => channel.close() };
    },
    lock,
  };
  let release = (): void => {};
  return {
    tabs,
    hold() {
      release();
      release = lock(me, false, () => {});
    },
    release: () => release(),
  };
}

function lock(name: string, steal: boolean, onGranted: () => void, onStolen?: () => void): () => void {
  const queue = new AbortController();
  let over = false;
  let release = (): void => {};
  const granted = (): Promise<void> | undefined => {
    if (over) return undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    onGranted();
    return held;
  };
  // A lock cannot be both waited for with a signal and stolen.
  navigator.locks.request(name, steal ? { steal } : { signal: queue.signal }, granted).catch(() => {
    if (!over) onStolen?.();
  });
  return () => {
    over = true;
    queue.abort();
    release();
  };
}
