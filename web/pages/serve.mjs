/** The component page: `npm run pages` shows each state of the widget, drawn by the real views, on this machine only. */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { localeTables } from "../locales.mjs";

const here = dirname(fileURLToPath(import.meta.url));

/** `{ address, close }`; built once, so restart it to see a change. */
export async function serve(port = 0) {
  const { outputFiles } = await build({
    entryPoints: [`${here}/main.ts`], bundle: true, format: "esm", target: "es2022", jsx: "automatic", jsxImportSource: "preact",
    write: false, sourcemap: "inline", absWorkingDir: dirname(here), plugins: [localeTables],
  });
  const files = { "/": ["text/html", await readFile(`${here}/index.html`)], "/main.js": ["text/javascript", outputFiles[0].contents] };
  const server = createServer((request, response) => {
    const [type, content] = files[new URL(request.url, "http://x").pathname] ?? [];
    response.writeHead(type ? 200 : 404, type && { "content-type": `${type}; charset=utf-8` }).end(content);
  });
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  return { address: `http://127.0.0.1:${server.address().port}/`, close: () => new Promise((resolve) => server.close(resolve)) };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log((await serve(Number(process.env.PORT ?? 0))).address);
