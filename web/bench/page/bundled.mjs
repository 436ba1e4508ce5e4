/** The page, its chats and the script that the bench puts on it. */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { localeTables } from "../../locales.mjs";

const here = dirname(fileURLToPath(import.meta.url));

async function joined(entry, platform) {
  const { outputFiles } = await build({
    entryPoints: [join(here, entry)], bundle: true, format: platform === "node" ? "esm" : "iife", platform, target: "es2022",
    jsx: "automatic", jsxImportSource: "preact", write: false, minify: platform === "browser", absWorkingDir: dirname(dirname(here)),
    plugins: [localeTables],
  });
  return outputFiles[0].text;
}

/** `{ script, page, chats }`: a page of so many characters, and so many chats on quotes of it. */
export async function bundled({ characters, chats }) {
  const made = await import(`data:text/javascript;base64,${Buffer.from(await joined("content.ts", "node")).toString("base64")}`);
  return { script: await joined("reader.ts", "browser"), ...made.content(characters, chats) };
}
