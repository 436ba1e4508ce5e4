/**
 * CPU time of the page's main thread, from the browser's trace: on a busy machine a clock on the wall tells of the others.
 */
const CATEGORIES = ["devtools.timeline", "toplevel"];

/** Runs `action`; answers `{ longest, total }`: milliseconds of CPU of the tasks of the page meanwhile. */
export async function traced(browser, page, action) {
  await browser.startTracing(page, { categories: CATEGORIES });
  await action();
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString());
  const mains = new Set(traceEvents.filter(({ name, args }) => name === "thread_name" && args.name === "CrRendererMain").map(({ pid, tid }) => `${pid} ${tid}`));
  const byThread = new Map();
  for (const { name, pid, tid, tdur } of traceEvents) {
    if (name !== "RunTask" && !name.endsWith("::RunTask")) continue;
    const thread = `${pid} ${tid} ${name}`;
    if (mains.has(`${pid} ${tid}`) && tdur !== undefined) byThread.set(thread, [...(byThread.get(thread) ?? []), tdur / 1_000]);
  }
  // The page under test is the only one that is busy.
  const [tasks = []] = [...byThread.values()].sort((a, b) => sum(b) - sum(a));
  if (tasks.length === 0) throw new Error("the trace has no tasks with their CPU time");
  return { longest: Math.max(...tasks), total: sum(tasks) };
}

function sum(numbers) {
  return numbers.reduce((all, number) => all + number, 0);
}
