/** One bundle of the widget, as small as it gets: esbuild joins, terser squeezes what is left. */
import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { build, transform } from "esbuild";
import { minify } from "terser";
import { localeTables } from "./locales.mjs";
import { apart, loadedByScript, partsOf } from "./parts.mjs";

const web = dirname(fileURLToPath(import.meta.url));
const TARGET = ["es2022", "chrome111", "firefox115", "safari16.4"];

/**
 * Members that only our own files speak of: they get short names. Nothing of the wire, of the browser, of what is kept or
 * sent between tabs, or of what a host page sees; a test compares.
 */
export const INTERNAL = [
  "onMessage", "onOpen", "onClose", "onChange", "onTyping", "onWelcome", "onEvent", "onError", "onLost", "onFrame",
  "onState", "onGranted", "onStolen", "onSettled", "onLive", "onPage", "openSocket", "openOwn", "takeOver", "schedule",
  "wallClock", "idleMs", "pongMs", "notBefore", "nextDue", "connectionLost", "unacknowledged", "acknowledged", "echoed",
  "reached", "nudge", "restored", "outbox", "greeted", "mayWrite", "mayEdit", "mayRemove", "mayDelete", "someoneTypes",
  "announcer", "relay", "vault", "handlers", "delivery", "evidence", "phase", "committed", "asking", "supported",
  "actionHook", "underBar", "offsetAtPoint", "isOurs", "onYes", "onNo", "begun", "isGone", "resign", "onData", "shown",
  "selection", "waiting", "detour", "uuid", "readings", "isSkipped", "shadows", "slotted", "difference", "offsets",
  "offsetAt", "prepare", "bucket", "twins", "rival", "stale", "refresh", "subscribe", "reveal", "authors", "tries", "onEnd",
  "onText", "release", "lastEventId", "streams", "describe", "locate", "segments", "begins",
];

/** The widget's style sheet is text in the script: without what only people read. */
const smallStyles = {
  name: "small styles",
  setup(bundler) {
    bundler.onLoad({ filter: /view\/(more-)?styles\.ts$/ }, async ({ path }) => {
      const [, css] = (await readFile(path, "utf8")).match(/STYLES = `([^`]*)`/);
      const { code } = await transform(css, { loader: "css", minify: true, target: TARGET.slice(1) });
      return { contents: `export const STYLES = ${JSON.stringify(code)};`, loader: "ts" };
    });
  },
};

const OPTIONS = {
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
};

async function squeeze(text, module) {
  const { code } = await minify(text, {
    ecma: 2020,
    module,
    compress: { passes: 4, unsafe_arrows: true, keep_fargs: false, pure_getters: true, unsafe_methods: true, hoist_props: true },
  });
  return code;
}

/** Everything that a reader's browser may fetch later: see parts.mjs. */
export const widgetParts = async () => (await surveyed()).parts;

let survey;
const surveyed = () => (survey ??= partsOf("src/embed/module.ts", OPTIONS, squeeze));

/** The text of a script (`iife`) or a module (`esm`), from the file that it begins with, without its parts. */
export async function bundle(entry, format) {
  const { parts, mangleCache } = await surveyed();
  const built = await build({ ...OPTIONS, entryPoints: [entry], format, mangleCache, plugins: [apart(parts), ...OPTIONS.plugins] });
  const [{ text }] = built.outputFiles;
  return squeeze(format === "iife" ? loadedByScript(text, await loader(), parts) : text, format === "esm");
}

async function loader() {
  const { code } = await transform(await readFile(`${web}/src/embed/load-part.ts`, "utf8"), { loader: "ts", target: TARGET, charset: "utf8" });
  return code.replace(/^export /gm, "").replace(/^\{.*\};?$/gm, "");
}
