/**
 * What people do together, and what becomes of connections, in a real Chromium, against the demo.
 *
 *   PARLEY_URL       the address that the demo printed (required)
 *   PARLEY_DEMO_PID  its process: one check kills the gateway below it (required)
 *   CHROME           the browser's path; default: one on the PATH, else npm's packaged one
 *   ONLY             a part of the names of the checks to run; default: all
 *
 * Answers 0 when every check passed, 1 when one failed, 2 when it could not begin.
 */
import { randomUUID } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { chromium } from "playwright-core";
import { BrowserTab } from "./browser-tab.mjs";
import { findChromium } from "./chromium.mjs";
import { CONNECTION_CHECKS } from "./connection.mjs";
import { PEOPLE_CHECKS } from "./people.mjs";
import { cuttableProxy } from "./cuttable-proxy.mjs";
import { foreignSite } from "./foreign-site.mjs";
import { until } from "./reader.mjs";

/** Longest wait for anything that a reader should see, in milliseconds: the longest backoff, twice. */
const PATIENCE = 40_000;

const base = process.env.PARLEY_URL;
const demo = Number(process.env.PARLEY_DEMO_PID);
if (!base || !demo) {
  console.error("Set PARLEY_URL to the address that the demo printed, and PARLEY_DEMO_PID to its process.");
  process.exit(2);
}
const found = await findChromium().catch((error) => {
  console.error(error.message);
  process.exit(2);
});
const launch = (options = {}) => chromium.launch({ executablePath: found.path, args: [...found.args, "--no-sandbox"], ...options });
const browser = await launch();
let failures = 0;
try {
  const checks = [...PEOPLE_CHECKS, ...CONNECTION_CHECKS].filter(([name]) => name.includes(process.env.ONLY ?? ""));
  for (const [name, check] of checks) {
    const began = performance.now();
    const stage = await prepare();
    try {
      const measured = await check(stage);
      console.log(`ok    ${name} (${Math.round(performance.now() - began)} ms)${measured === undefined ? "" : `: ${measured}`}`);
    } catch (error) {
      failures += 1;
      console.log(`FAIL  ${name}\n      ${String(error.message ?? error).split("\n").slice(0, 8).join("\n      ")}`);
    } finally {
      for (const close of stage.closing) await close();
    }
  }
  console.log(failures === 0 ? `All ${checks.length} checks passed.` : `${failures} of ${checks.length} checks failed.`);
} finally {
  await browser.close();
}
process.exit(failures === 0 ? 0 : 1);

/** A page of its own for each check, with what it may do to it. */
async function prepare() {
  const edition = randomUUID().slice(0, 8);
  const cable = await cuttableProxy();
  const closing = [() => cable.close()];
  const fresh = async (cabled) => {
    const context = await browser.newContext({ viewport: { width: 1360, height: 860 }, ...(cabled ? { proxy: { server: cable.address } } : {}) });
    context.setDefaultTimeout(PATIENCE);
    closing.unshift(() => context.close());
    return context;
  };
  const address = (name) => `${new URL(base)}?${new URLSearchParams({ reader: `${name}-${edition}`, tenant: "acme", edition })}`;
  const foreign = async () => {
    const site = await foreignSite(base, `https://elsewhere.test/${edition}`, `Vic-${edition}`);
    closing.push(() => site.close());
    return site;
  };
  return {
    cable,
    closing,
    foreign,
    open: async (name, { context, cabled = false, url = address(name), ...world } = {}) => BrowserTab.start(context ?? (await fresh(cabled)), url, world),
    comeBack: () => comeBack(foreign, closing),
    killServer,
  };
}

/** Leaves a page for another one, which goes back to it. The driver's own browser has no back/forward cache. */
async function comeBack(foreign, closing) {
  const cached = await launch({ ignoreDefaultArgs: ["--disable-back-forward-cache"] });
  closing.unshift(() => cached.close());
  const site = await foreign();
  const page = await (await cached.newContext()).newPage();
  await page.goto(site.address);
  await page.locator('[data-parley="state"][data-state="live"]').waitFor();
  await page.evaluate(() => void setTimeout(() => (location.href = "/away"), 0));
  return Promise.race([site.reported, new Promise((_, reject) => setTimeout(reject, PATIENCE, new Error("The page never came back live.")))]);
}

/** Kills the gateway as a machine dies; the demo starts another one. */
async function killServer() {
  const before = gateway();
  process.kill(before, "SIGKILL");
  await until("another gateway", () => gateway() !== undefined && gateway() !== before, PATIENCE);
  await until("its readiness", () => fetch(new URL("/healthz/ready", base)).then(({ ok }) => ok, () => false), PATIENCE);
}

/** The process below the demo that is a gateway. */
function gateway() {
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const parent = Number(readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ")[1]);
      if (parent === demo && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("gateway")) return Number(pid);
    } catch {
      // It ended meanwhile.
    }
  }
  return undefined;
}
