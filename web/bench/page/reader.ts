import { createParley } from "../../src/embed/parley";

/** Long tasks of this page, from the first byte on: when each began, and its milliseconds. */
const tasks: { at: number; ms: number }[] = [];
new PerformanceObserver((list) => {
  for (const { startTime, duration } of list.getEntries()) tasks.push({ at: startTime, ms: duration });
}).observe({ type: "longtask", buffered: true });

/** When a frame with a mark arrived: the socket's text is parsed at once. */
let received = 0;
const parse = JSON.parse;
JSON.parse = (text: string, ...rest: []) => {
  if (text.includes("marked-for-the-bench")) received = performance.now();
  return parse(text, ...rest) as unknown;
};

const started = performance.now();
const bench = {
  start: () => createParley(null, { server: location.origin, page: "bench", getToken: () => Promise.resolve("token"), root: document.querySelector("main") ?? document.body }, null),
  received: () => received,
  tasks: (since: number) => tasks.filter(({ at }) => at >= since),
  started,
};
Object.assign(globalThis, { bench });
