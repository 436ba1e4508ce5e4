/** Somebody else's site with Parley on it, under a strict policy: its own origin, a nonce, Trusted Types. */
import { createServer } from "node:http";

/** `{ address, hosts, reported, close() }`; `reported` is the first thing that the page reports. */
export async function foreignSite(base, page, reader) {
  const { origin, host } = new URL(base);
  const policy = [
    "default-src 'none'", "script-src 'nonce-e2e'", "img-src data:", `connect-src 'self' ${origin} ws://${host}`,
    "require-trusted-types-for 'script'", "trusted-types 'none'",
  ].join("; ");
  let report;
  const reported = new Promise((resolve) => (report = resolve));
  const server = createServer(async (request, response) => {
    if (request.url === "/token") {
      const wish = new URLSearchParams({ tenant: "acme", reader });
      response.end(await (await fetch(`${origin}/demo/token?${wish}`)).text());
    } else if (request.url === "/report") {
      const parts = [];
      for await (const part of request) parts.push(part);
      report(JSON.parse(Buffer.concat(parts).toString()));
      response.end();
    } else {
      response.setHeader("content-type", "text/html; charset=utf-8");
      response.setHeader("content-security-policy", policy);
      response.end(request.url === "/away" ? AWAY : html(origin, page));
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = `http://127.0.0.1:${server.address().port}/`;
  return {
    address,
    hosts: [host, new URL(address).host].sort(),
    reported,
    close: () => new Promise((resolve) => {
      server.closeAllConnections();
      server.close(resolve);
    }),
  };
}

const AWAY = `<!doctype html><link rel="icon" href="data:,"><script nonce="e2e">addEventListener("load", () => setTimeout(() => history.back(), 500));</script>`;

const html = (origin, page) => `<!doctype html><html lang="en"><meta charset="utf-8"><title>Elsewhere</title><link rel="icon" href="data:,">
<main id="article"><p>These are words on somebody else's page, which Parley knows nothing of.</p></main>
<script nonce="e2e">
window.violations = [];
window.heard = [];
addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) => violations.push(violatedDirective + " " + blockedURI));
for (const name of ["ready", "count", "chat-created", "error", "state"]) {
  document.addEventListener("parley:" + name, ({ type }) => heard.includes(type) || heard.push(type));
}
document.addEventListener("parley:state", ({ detail }) => {
  if (!window.back) return;
  back.states.push(detail.state);
  if (detail.state === "live") fetch("/report", { method: "POST", body: JSON.stringify(back) });
});
addEventListener("pageshow", ({ persisted }) => persisted && (window.back = { persisted, states: [] }));
window.Parley = { queue: [(Parley) => (window.widget = Parley(null, {
  page: ${JSON.stringify(page)},
  getToken: async () => (await (await fetch("/token")).json()).token,
}))] };
</script>
<script nonce="e2e" src="${origin}/v1/parley.js" defer></script></html>`;
