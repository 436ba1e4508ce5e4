/** Builds the widget into the gateway and the demo's page into the demo; prints what a reader downloads. */
import { copyFile, mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const web = dirname(fileURLToPath(import.meta.url));
const widget = join(web, "../gateway/parley_gateway/static");
const demo = join(web, "../common/parley_runtime/demo/static");

const common = {
  bundle: true,
  minify: true,
  target: ["es2022", "chrome111", "firefox115", "safari16.4"],
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "none",
  charset: "utf8",
  logLevel: "warning",
  absWorkingDir: web,
};

await mkdir(widget, { recursive: true });
await mkdir(demo, { recursive: true });
await Promise.all([
  build({ ...common, entryPoints: ["src/embed/script.ts"], format: "iife", outfile: join(widget, "parley.js") }),
  build({ ...common, entryPoints: ["src/embed/module.ts"], format: "esm", outfile: join(widget, "parley.mjs") }),
  build({ ...common, entryPoints: ["demo/demo.ts"], format: "iife", outfile: join(demo, "demo.js") }),
  ...["index.html", "embed.html", "demo.css"].map((name) => copyFile(join(web, "demo", name), join(demo, name))),
]);

for (const path of [join(widget, "parley.js"), join(widget, "parley.mjs"), join(demo, "demo.js")]) {
  const bytes = await readFile(path);
  console.log(`${path.slice(web.length - 3)}: ${bytes.length} B, gzip ${gzipSync(bytes, { level: 9 }).length} B`);
}
