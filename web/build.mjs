/** Builds the widget into the gateway and the demo's page into the demo; prints what a reader downloads. */
import { createHash } from "node:crypto";
import { copyFile, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { bundle, widgetParts } from "./bundle.mjs";

const web = dirname(fileURLToPath(import.meta.url));
const widget = join(web, "../gateway/parley_gateway/static");
const demo = join(web, "../common/parley_runtime/demo/static");

/** For packages that import the widget from here. */
const dist = join(web, "dist");

const BUILT = [
  ["src/embed/script.ts", "iife", join(widget, "parley.js")],
  ["src/embed/module.ts", "esm", join(widget, "parley.mjs")],
  ["src/embed/module.ts", "esm", join(dist, "parley.mjs")],
  ["demo/demo.ts", "iife", join(demo, "demo.js")],
];

const said = (path, code) => `${path.slice(web.length - 3)}: ${Buffer.byteLength(code)} B, gzip ${gzipSync(code, { level: 9 }).length} B`;

/** The parts that are fetched later: written before what asks for them; those of the build before go last. */
async function writeParts(folder) {
  const parts = await widgetParts();
  await mkdir(join(folder, "parley"), { recursive: true });
  for (const { path, code } of parts) {
    await writeFile(join(folder, path), code);
    if (folder === widget) console.log(said(join(folder, path), code));
  }
  const current = new Set(parts.map(({ path }) => basename(path)));
  return async () => {
    for (const name of await readdir(join(folder, "parley"))) if (!current.has(name)) await rm(join(folder, "parley", name));
  };
}

await mkdir(demo, { recursive: true });
const cleanings = [await writeParts(widget), await writeParts(dist)];
await Promise.all([
  ...BUILT.map(async ([entry, format, path]) => {
    const code = await bundle(entry, format);
    await writeFile(path, code);
    // For sites that pin what they embed (Subresource Integrity): the digest of exactly this build.
    console.log(`${said(path, code)}, integrity sha384-${createHash("sha384").update(code).digest("base64")}`);
  }),
  ...["index.html", "embed.html", "demo.css"].map((name) => copyFile(join(web, "demo", name), join(demo, name))),
]);
for (const clean of cleanings) await clean();
