import { expect, it, vi } from "vitest";
import { traceparent } from "../../src/host/traceparent";
import { ANCHOR, Bench, PAGE, page } from "./fixtures";

const NEW = { op: "new-chat", anchor: ANCHOR, text: "Hello" } as const;
const SAMPLED = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-01$/;

it("makes contexts that are valid, and each its own", () => {
  const made = Array.from({ length: 100 }, traceparent);
  for (const each of made) expect(each).toMatch(SAMPLED);
  expect(new Set(made.map((each) => each.slice(3, 35))).size).toBe(100);
});

it("sends no trace context unless it is asked to", async () => {
  const bench = new Bench();
  await bench.join();
  bench.client.do(PAGE, NEW);
  expect(bench.world.socket.frames("do").map((frame) => "traceparent" in frame)).toEqual([false]);
});

it("sends the same trace context when a change is sent again, over a new connection or after a passing refusal, and a new one with each change", async () => {
  const bench = new Bench();
  bench.client.traceparent = vi.fn(traceparent);
  await bench.join();
  const first = bench.client.do(PAGE, NEW);
  const second = bench.client.do(PAGE, NEW);
  const [one, two] = bench.world.socket.frames("do").map((frame) => frame["traceparent"]);
  expect(one).toMatch(SAMPLED);
  expect(two).toMatch(SAMPLED);
  expect(two).not.toBe(one);

  bench.world.socket.drop();
  await bench.world.pass(30_000);
  bench.welcome();
  bench.world.socket.receive(page(0));
  bench.world.socket.receive({ t: "error", code: "unavailable", message: "", broadcastId: first, retryInMs: 10 });
  await bench.world.pass(5_000);
  expect(bench.world.socket.frames("do").map((frame) => [frame["broadcastId"], frame["traceparent"]])).toEqual([[first, one], [second, two], [first, one]]);

  // Refused for good and tried again by the reader, it is another change.
  bench.world.socket.receive({ t: "error", code: "bad-field", message: "No.", broadcastId: second });
  const [refused] = bench.session.refused;
  if (refused === undefined) throw new Error("it was refused");
  bench.client.retry(PAGE, refused);
  expect(bench.world.socket.frames("do").at(-1)?.["traceparent"]).toMatch(SAMPLED);
  expect(bench.client.traceparent).toHaveBeenCalledTimes(3);
  expect(bench.world.socket.frames("do").at(-1)?.["traceparent"]).not.toBe(two);
});
