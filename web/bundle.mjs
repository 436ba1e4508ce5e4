/** One bundle of the widget, as small as it gets: esbuild joins, terser squeezes what is left. */
import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { build, transform } from "esbuild";
import { minify } from "terser";

const web = dirname(fileURLToPath(import.meta.url));
const TARGET = ["es2022", "chrome111", "firefox115", "safari16.4"];

/** The widget's style sheet is text in the script: without what only people read. */
const smallStyles = {
  name: "small styles",
  setup(bundler) {
    bundler.onLoad({ filter: /view\/styles\.ts$/ }, async ({ path }) => {
      const [, css] = (await readFile(path, "utf8")).match(/STYLES = `([^`]*)`/);
      const { code } = await transform(css, { loader: "css", minify: true, target: TARGET.slice(1) });
      return { contents: `export const STYLES = ${JSON.stringify(code)};`, loader: "ts" };
    });
  },
};

/** The text of a script (`iife`) or a module (`esm`), from the file that it begins with. */
export async function bundle(entry, format) {
  const built = await build({
    entryPoints: [entry],
    format,
    bundle: true,
    minify: true,
    target: TARGET,
    jsx: "automatic",
    jsxImportSource: "preact",
    legalComments: "none",
    charset: "utf8",
    logLevel: "warning",
    absWorkingDir: web,
    write: false,
    plugins: [smallStyles],
  });
  const { code } = await minify(built.outputFiles[0].text, {
    ecma: 2020,
    module: format === "esm",
    compress: { passes: 3, unsafe_arrows: true },
    format: { ascii_only: false },
  });
  return code;
}
