/** A page asleep for longer than this has a socket that nobody answers for. */
const SLEPT_MS = 30_000;
const HEARTBEAT_MS = 10_000;

/**
 * Tells the connection when the world changed: network, visibility, wake-up, back/forward cache.
 * The answer stops listening.
 */
export function listen(connection: { nudge(): void; replace(): void }): () => void {
  const ended = new AbortController();
  const { signal } = ended;
  const nudge = (): void => connection.nudge();
  addEventListener("online", nudge, { signal });
  // The browser's word alone is not enough to give a working connection up: it must prove that it lives.
  addEventListener("offline", nudge, { signal });
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && nudge(), { signal });
  document.addEventListener("resume", nudge, { signal });
  addEventListener(
    "pageshow",
    (event) => {
      // Back from the cache the socket says that it is open although the server closed it long ago.
      if (event.persisted) connection.replace();
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
