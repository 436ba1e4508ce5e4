/** One bundle of the widget, as small as it gets: esbuild joins, terser squeezes what is left. */
import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { build, transform } from "esbuild";
import { minify } from "terser";
import { localeTables } from "./locales.mjs";

const web = dirname(fileURLToPath(import.meta.url));
const TARGET = ["es2022", "chrome111", "firefox115", "safari16.4"];

/**
 * Members that only our own files speak of: they get short names. Nothing of the wire, of the browser, of what is kept or
 * sent between tabs, or of what a host page sees; a test compares.
 */
export const INTERNAL = [
  "onMessage", "onOpen", "onClose", "onChange", "onTyping", "onWelcome", "onEvent", "onError", "onLost", "onFrame", "onState",
  "onGranted", "onStolen", "onSettled", "onLive", "onPage", "openSocket", "openOwn", "takeOver", "schedule", "wallClock",
  "idleMs", "pongMs", "notBefore", "nextDue", "connectionLost", "unacknowledged", "acknowledged", "echoed", "reached", "nudge",
  "restored", "outbox", "greeted", "mayWrite", "mayEdit", "mayRemove", "mayDelete", "someoneTypes", "announcer", "relay", "vault",
];

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
    mangleProps: new RegExp(`^(${INTERNAL.join("|")})$`),
    plugins: [smallStyles, localeTables],
  });
  const { code } = await minify(built.outputFiles[0].text, {
    ecma: 2020,
    module: format === "esm",
    compress: { passes: 4, unsafe_arrows: true, keep_fargs: false },
  });
  return code;
}
