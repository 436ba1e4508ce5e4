import { createParley } from "../../src/embed/parley";

const bench = {
  start: () => createParley(null, { server: location.origin, page: "bench", getToken: () => Promise.resolve("token"), root: document.querySelector("main") ?? document.body }, null),
};
Object.assign(globalThis, { bench });
