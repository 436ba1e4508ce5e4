import { describe, expect, it } from "vitest";
import { BASE_MS, Backoff, CAP_MS } from "../../src/connection/backoff";
import { afterClose, closeReason } from "../../src/connection/close-codes";
import { Bench, page } from "./fixtures";
import { SimulatedWorld } from "./simulated-world";

const almostOne = (): number => 1 - 1e-9;

describe("backoff", () => {
  it("is full jitter under a doubling ceiling that ends at the cap, and never ends", () => {
    const most = new Backoff(almostOne);
    const waits = Array.from({ length: 40 }, () => Math.round(most.next()));
    expect(waits.slice(0, 7)).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 20_000]);
    expect(Math.max(...waits)).toBe(CAP_MS);
    expect(new Backoff(() => 0).next()).toBe(0);
    expect(new Backoff(() => 0.5).next(3_000)).toBe(3_000 + BASE_MS / 2);
  });

  it("starts over only after a connection that lived five seconds", async () => {
    const bench = new Bench(new SimulatedWorld(almostOne));
    await bench.join();
    bench.world.socket.drop();
    await bench.world.pass(501);
    bench.welcome();
    bench.world.socket.drop(); // lived no time at all
    await bench.world.pass(999);
    expect(bench.world.sockets).toHaveLength(2);
    await bench.world.pass(2);
    expect(bench.world.sockets).toHaveLength(3);
    bench.welcome();
    bench.world.socket.receive(page(0));
    await bench.world.pass(5_000);
    bench.world.socket.drop();
    await bench.world.pass(501);
    expect(bench.world.sockets).toHaveLength(4);
  });
});

describe("close codes", () => {
  it.each([
    [4400, "back-off"],
    [4401, "new-token"],
    [4403, "stop"],
    [4408, "retry"],
    [4409, "retry"],
    [4413, "retry"],
    [4429, "back-off"],
    [1012, "retry"],
    [1006, "retry"],
  ] as const)("%i → %s", (code, after) => expect(afterClose(code)).toBe(after));

  it("reads the reason and survives any other text", () => {
    expect(closeReason('{"code":"over-limit","retryInMs":900}')).toEqual({ code: "over-limit", retryInMs: 900 });
    for (const text of ["", "bye", "[]", "null", '{"retryInMs":"9"}']) expect(closeReason(text)).toEqual({});
  });

  it("4401 asks for a new token at once, and with backoff when that one is refused too", async () => {
    const bench = new Bench(new SimulatedWorld(almostOne));
    bench.client.start();
    await bench.world.pass(0);
    bench.world.socket.open();
    bench.world.socket.drop(4401);
    await bench.world.pass(0);
    expect(bench.asked).toEqual(["start", "refused"]);
    expect(bench.world.sockets).toHaveLength(2);
    bench.world.socket.drop(4401);
    await bench.world.pass(400);
    expect(bench.world.sockets).toHaveLength(2);
    await bench.world.pass(200);
    expect(bench.world.sockets).toHaveLength(3);
  });

  it("4403 stops for good, whatever happens around", async () => {
    const bench = new Bench();
    await bench.join();
    bench.world.socket.drop(4403, '{"code":"origin-refused"}');
    bench.client.nudge();
    await bench.world.pass(60_000);
    expect(bench.client.state).toEqual({ name: "stopped", code: "origin-refused" });
    expect(bench.world.sockets).toHaveLength(1);
  });

  it("4429 waits as long as it was told, even when nudged", async () => {
    const bench = new Bench();
    await bench.join();
    bench.world.socket.drop(4429, '{"code":"over-limit","retryInMs":5000}');
    bench.client.nudge();
    await bench.world.pass(4_999);
    expect(bench.world.sockets).toHaveLength(1);
    await bench.world.pass(8_001);
    expect(bench.world.sockets).toHaveLength(2);
  });
});

describe("liveness", () => {
  it("the token is in the first frame and never in the address", async () => {
    const bench = new Bench();
    await bench.greet();
    expect(bench.world.socket.url).toBe("wss://parley.test/v1/live");
    expect(bench.world.socket.sent[0]).toMatchObject({ t: "hello", v: 1, token: "token-1" });
  });

  it("a nudge ends the wait at once", async () => {
    const bench = new Bench(new SimulatedWorld(almostOne));
    await bench.join();
    bench.world.socket.drop();
    bench.client.nudge();
    expect(bench.world.sockets).toHaveLength(2);
  });

  it("a nudge on an open connection asks for a sign of life; two seconds of silence replace it", async () => {
    const bench = new Bench();
    await bench.join();
    const first = bench.world.socket;
    bench.client.nudge();
    expect(first.frames("ping")).toHaveLength(1);
    await bench.world.pass(1_999);
    expect(bench.world.sockets).toHaveLength(1);
    await bench.world.pass(1);
    expect(bench.world.sockets).toHaveLength(2);
    expect(first.closedWith).toBe(1000);
    first.drop(); // what the abandoned socket still says is not heard
    first.receive(page(9));
    expect(bench.session.cursor?.seq).toBe(0);
  });

  it("an answered ping leaves the connection alone, silence is probed", async () => {
    const bench = new Bench();
    await bench.join();
    await bench.world.pass(25_000);
    expect(bench.world.socket.frames("ping")).toHaveLength(1);
    bench.world.socket.receive({ t: "pong" });
    await bench.world.pass(20_000);
    expect(bench.world.sockets).toHaveLength(1);
  });

  it("a server that says nothing at all is given up after ten seconds, and tried again", async () => {
    const bench = new Bench();
    bench.client.start();
    await bench.world.pass(10_000);
    expect(bench.client.state.name).toBe("waiting");
    await bench.world.pass(500);
    expect(bench.world.sockets).toHaveLength(2);
  });

  it("a token that cannot be fetched is asked for again", async () => {
    const bench = new Bench();
    let fails = 3;
    const world = bench.world;
    const { Client } = await import("../../src/connection/client");
    const client = new Client(
      world,
      "wss://parley.test/v1/live",
      () => (fails-- > 0 ? Promise.reject(new Error("offline")) : Promise.resolve("token")),
      { onChange: () => {} },
    );
    client.start();
    await world.pass(30_000);
    expect(fails).toBe(-1);
    expect(world.sockets.length).toBeGreaterThan(0);
  });

  it("`move` reconnects within the time, without waiting first", async () => {
    const bench = new Bench();
    await bench.join(3);
    bench.world.socket.receive({ t: "move", withinMs: 1_000 });
    await bench.world.pass(499);
    expect(bench.world.sockets).toHaveLength(1);
    await bench.world.pass(1);
    expect(bench.world.sockets).toHaveLength(2);
    bench.welcome();
    expect(bench.world.socket.frames("join")[0]?.["since"]).toEqual({ epoch: "e1", seq: 3 });
  });

  it("`renew` sends a fresh token in time", async () => {
    const bench = new Bench();
    await bench.join();
    bench.world.socket.receive({ t: "renew", withinMs: 4_000 });
    await bench.world.pass(2_000);
    expect(bench.world.socket.frames("renew")).toEqual([{ t: "renew", token: "token-2" }]);
  });

  it("a stopped client leaves no timer and no socket behind", async () => {
    const bench = new Bench();
    await bench.greet({ renewInMs: 9_000 });
    bench.client.stop();
    expect(bench.world.pendingTimers).toBe(0);
    expect(bench.world.socket.closedWith).toBe(1000);
  });
});
