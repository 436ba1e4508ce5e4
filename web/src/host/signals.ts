import type { InstanceSignals } from "./browser-environment";

/** A page asleep for longer than this has a socket that nobody answers for. */
const SLEPT_MS = 30_000;
const HEARTBEAT_MS = 10_000;

/**
 * Tells the connection when the world changed: network, visibility, freeze and wake-up, back/forward cache.
 * The answer stops listening.
 */
export function listen(connection: { nudge(): void; replace(): void; pause(): void }, instance: InstanceSignals): () => void {
  const ended = new AbortController();
  const { signal } = ended;
  const nudge = (): void => connection.nudge();
  addEventListener("online", nudge, { signal });
  // The browser's word alone is not enough to give a working connection up: it must prove that it lives.
  addEventListener("offline", nudge, { signal });
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && nudge(), { signal });
  // Frozen, or on the way into the back/forward cache or out of existence: whoever shares our connection must not wait.
  const away = (): void => {
    connection.pause();
    instance.away();
  };
  const back = (): void => {
    instance.back();
    connection.replace();
  };
  addEventListener("pagehide", away, { signal });
  document.addEventListener("freeze", away, { signal });
  document.addEventListener("resume", back, { signal });
  addEventListener(
    "pageshow",
    (event) => {
      // Back from the cache the socket says that it is open although the server closed it long ago.
      if (event.persisted) back();
    },
    { signal },
  );
  let beat = Date.now();
  const heart = setInterval(() => {
    const now = Date.now();
    if (now - beat > SLEPT_MS) nudge();
    beat = now;
  }, HEARTBEAT_MS);
  return () => {
    ended.abort();
    clearInterval(heart);
  };
}
