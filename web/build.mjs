/** Builds the widget into the gateway and the demo's page into the demo; prints what a reader downloads. */
import { createHash } from "node:crypto";
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { bundle } from "./bundle.mjs";

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

await mkdir(widget, { recursive: true });
await mkdir(demo, { recursive: true });
await mkdir(dist, { recursive: true });
await Promise.all([
  ...BUILT.map(async ([entry, format, path]) => {
    const code = await bundle(entry, format);
    await writeFile(path, code);
    // For sites that pin what they embed (Subresource Integrity): the digest of exactly this build.
    const integrity = `sha384-${createHash("sha384").update(code).digest("base64")}`;
    const bytes = Buffer.byteLength(code);
    console.log(`${path.slice(web.length - 3)}: ${bytes} B, gzip ${gzipSync(code, { level: 9 }).length} B, integrity ${integrity}`);
  }),
  ...["index.html", "embed.html", "demo.css"].map((name) => copyFile(join(web, "demo", name), join(demo, name))),
]);
