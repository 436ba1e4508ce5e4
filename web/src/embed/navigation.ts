/** Calls `look` when the page's address may be another one: applications change pages without loading them. */
export function onNavigation(look: () => void): () => void {
  const ended = new AbortController();
  const { signal } = ended;
  addEventListener("popstate", look, { signal });
  // Tells of `pushState` too. A browser without it is asked whenever the text changes, as it does with the page.
  (globalThis as { navigation?: EventTarget }).navigation?.addEventListener("currententrychange", look, { signal });
  return () => ended.abort();
}
