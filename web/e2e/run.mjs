/**
 * Drives the demo in a real Chromium. Needs a running `make demo`.
 *
 *   PARLEY_URL         the address that the demo printed (required)
 *   CHROME             the browser's path; default: one on the PATH, else npm's packaged one
 *   PARLEY_SCREENSHOT  where to put a picture of the demo, if one is wanted
 *
 * Answers 0 when every check passed, 1 when one failed, 2 when it could not begin.
 */
import { randomUUID } from "node:crypto";
import { chromium } from "playwright-core";
import { CHECKS } from "./checks.mjs";
import { findChromium } from "./chromium.mjs";
import { usage } from "./counting.mjs";
import { cuttableProxy } from "./cuttable-proxy.mjs";
import { Reader } from "./reader.mjs";
import { takePicture } from "./picture.mjs";

/** Longest wait for anything that a reader should see, in milliseconds. */
const PATIENCE = 20_000;

function giveUp(message) {
  console.error(message);
  process.exit(2);
}

const base = process.env.PARLEY_URL;
if (!base) giveUp("Set PARLEY_URL to the address that `make demo` printed, such as http://127.0.0.1:8080/");
const found = await findChromium().catch((error) => giveUp(error.message));

const run = randomUUID().slice(0, 8);
const address = (reader, tenant = "acme", edition = "check") =>
  `${new URL(base)}?${new URLSearchParams({ reader: `${reader}-${run}`, tenant, edition: `${edition}-${run}` })}`;

const browser = await chromium.launch({ executablePath: found.path, args: [...found.args, "--no-sandbox"] });
const cable = await cuttableProxy();
const guard = await cuttableProxy({ "content-security-policy": strictPolicy() });
let failures = 0;
try {
  const context = async (options = {}) => {
    const made = await browser.newContext({ viewport: { width: 1360, height: 860 }, ...options });
    made.setDefaultTimeout(PATIENCE);
    return made;
  };
  const annsBrowser = await context();
  const bosBrowser = await context({ proxy: { server: cable.address } });
  const violations = [];
  const stage = {
    base,
    usageBefore: await usage(base, "acme"),
    cable,
    bosBrowser,
    violations,
    measured: {},
    annToo: await Reader.open(annsBrowser, address("Ann")),
    ann: await Reader.open(annsBrowser, address("Ann")), // the later tab is in front: the other one paints rarely
    bo: await Reader.open(bosBrowser, address("Bo")),
    stranger: await Reader.open(await context(), address("Ann", "globex")),
    guarded: await Reader.open(await watched(await context({ proxy: { server: guard.address } }), violations), address("Cy", "globex", "guarded")),
  };
  for (const [name, check] of CHECKS) {
    if (failures > 0) {
      failures += 1;
      console.log(`FAIL  ${name}: not reached`); // each check builds on those before it
      continue;
    }
    const began = performance.now();
    try {
      await check(stage);
      console.log(`ok    ${name} (${Math.round(performance.now() - began)} ms)`);
    } catch (error) {
      failures += 1;
      console.log(`FAIL  ${name}\n      ${String(error.message ?? error).split("\n").slice(0, 6).join("\n      ")}`);
    }
  }
  if (stage.measured.usage !== undefined) console.log(`counted: ${JSON.stringify(stage.measured.usage)}`);
  if (stage.measured.annotation !== undefined) console.log(`annotation on the socket: ${stage.measured.annotation} bytes`);
  if (failures === 0 && process.env.PARLEY_SCREENSHOT) await takePicture(context, new URL(base), process.env.PARLEY_SCREENSHOT);
} finally {
  await browser.close();
  await cable.close();
  await guard.close();
}
console.log(failures === 0 ? `All ${CHECKS.length} checks passed.` : `${failures} of ${CHECKS.length} checks failed.`);
process.exit(failures === 0 ? 0 : 1);

/** A policy that allows our script and our connection, and no string to become code or markup. */
function strictPolicy() {
  const { origin, host } = new URL(base);
  return [
    "default-src 'none'", `script-src ${origin}`, `style-src ${origin}`, "img-src data:", `connect-src ${origin} ws://${host} wss://${host}`,
    "require-trusted-types-for 'script'", "trusted-types 'none'",
  ].join("; ");
}

/** Collects what the policy refused. */
async function watched(context, violations) {
  await context.exposeFunction("reportViolation", (text) => violations.push(text));
  await context.addInitScript(() => {
    addEventListener("securitypolicyviolation", (event) => window.reportViolation(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
  });
  return context;
}
