/**
 * The built widget on pages of other sites in a real Chromium, without a gateway: what its parts need from a page's
 * policies. Needs `npm run build`. Answers 0 when every check passed, 1 when one failed.
 */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { findChromium } from "./chromium.mjs";

const STATIC = new URL("../../gateway/parley_gateway/static/", import.meta.url);
const PATIENCE = 15_000;

/** `{ origin, requests, … }` of a server on a port of its own. */
async function server(answer) {
  const requests = [];
  const made = createServer((request, response) => {
    requests.push(request.url);
    Promise.resolve(answer(request, response)).catch(() => response.writeHead(404, { "access-control-allow-origin": "*" }).end());
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => made.once("listening", resolve));
  return { origin: `http://127.0.0.1:${made.address().port}`, requests, close: () => made.close() };
}

let tampered = false;
const parley = await server(async ({ url, method }, response) => {
  const cors = { "access-control-allow-origin": "*", "access-control-allow-headers": "*" };
  if (method === "OPTIONS") return response.writeHead(204, cors).end();
  const { pathname } = new URL(url, "http://x");
  if (!/^\/v1\/parley(\.m?js|\/[\w-]+\.mjs)$/.test(pathname)) throw new Error("no gateway here: WebSockets fail, and so do questions");
  const text = await readFile(fileURLToPath(new URL(`.${pathname.replace("/v1", "")}`, STATIC)), "utf8");
  response.writeHead(200, { ...cors, "content-type": "text/javascript", "cache-control": "no-store" });
  response.end(tampered && pathname.includes("/parley/") ? `${text}\n` : text);
});

const page = { policy: "", body: "" };
const site = await server((_, response) => {
  response.writeHead(200, { "content-type": "text/html; charset=utf-8", ...(page.policy && { "content-security-policy": page.policy }) });
  response.end(`<!doctype html><title>site</title><p>Some words to discuss.</p>${page.body}`);
});

const connect = `connect-src 'self' ${parley.origin} ${parley.origin.replace("http", "ws")}`;
const TYPES = "require-trusted-types-for 'script'; trusted-types 'none'";
const script = (attributes) => `<script src="${parley.origin}/v1/parley.js" data-token-url="/token" ${attributes}></script>`;
const POLICIES = [
  ["a nonce", `default-src 'none'; script-src 'nonce-abc'; ${connect}; ${TYPES}`, script('nonce="abc"')],
  ["a nonce with strict-dynamic", `default-src 'none'; script-src 'nonce-abc' 'strict-dynamic'; ${connect}; ${TYPES}`, script('nonce="abc"')],
  ["the script's host", `default-src 'none'; script-src ${parley.origin}; ${connect}; ${TYPES}`, script("")],
  ["the script's host, as a module", `default-src 'none'; script-src ${parley.origin} 'nonce-abc'; ${connect}`,
    `<script type="module" nonce="abc">import { Parley } from "${parley.origin}/v1/parley.mjs"; Parley(null, { getToken: async () => "e30.e30.x" });</script>`],
];

const found = await findChromium();
const browser = await chromium.launch({ executablePath: found.path, args: [...found.args, "--no-sandbox"] });
let failures = 0;
const check = async (name, run) => {
  try {
    await run();
    console.log(`ok    ${name}`);
  } catch (error) {
    failures += 1;
    console.log(`FAIL  ${name}: ${error.message}`);
  }
};

/** Opens the site with a policy; tells what was violated, and whether the part for HTTP ran: it asks for a welcome. */
async function visit(policy, body) {
  Object.assign(page, { policy, body });
  parley.requests.length = 0;
  const tab = await browser.newPage();
  const violations = [];
  await tab.exposeFunction("violated", (what) => violations.push(what));
  await tab.addInitScript(() => addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) => globalThis.violated(`${violatedDirective} ${blockedURI}`)));
  await tab.route("**/token", (route) => route.fulfill({ json: { token: "e30.e30.x" } }));
  await tab.goto(site.origin);
  return { tab, violations };
}

const asked = (what) => parley.requests.some((url) => url.includes(what));
async function until(condition, what) {
  const limit = Date.now() + PATIENCE;
  while (!condition()) {
    if (Date.now() > limit) throw new Error(`${what} did not happen; asked: ${[...new Set(parley.requests)].join(" ")}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

try {
  for (const [name, policy, body] of POLICIES) {
    await check(`a part is loaded where the policy allows ${name}`, async () => {
      const { tab, violations } = await visit(policy, body);
      await until(() => asked("/v1/welcome"), "the part's first question");
      await tab.close();
      if (violations.length > 0) throw new Error(`violated: ${violations.join(", ")}`);
    });
  }
  await check("a part that is not what the script was built with never runs", async () => {
    tampered = true;
    const { tab } = await visit("", script(""));
    await until(() => parley.requests.filter((url) => url.includes("/v1/parley/http-")).length > 1, "a second try");
    await tab.close();
    tampered = false;
    if (asked("/v1/welcome")) throw new Error("it ran");
  });
} finally {
  await browser.close();
  parley.close();
  site.close();
}
process.exit(failures === 0 ? 0 : 1);
