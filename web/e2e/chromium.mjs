/** Finds a Chromium, or says what to do; never goes on without one. */
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/** `{ path, args }` of the browser: env `CHROME`, else one on the PATH, else npm's `@sparticuz/chromium`. */
export async function findChromium() {
  if (process.env.CHROME) {
    if (!existsSync(process.env.CHROME)) throw new Error(`CHROME names ${process.env.CHROME}, which does not exist.`);
    return { path: process.env.CHROME, args: [] };
  }
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    for (const name of NAMES) if (existsSync(join(folder, name))) return { path: join(folder, name), args: [] };
  }
  try {
    const { default: packaged } = await import("@sparticuz/chromium");
    // Not its own arguments: they are for a function in a cloud, and change how timers and sockets behave.
    return { path: await packaged.executablePath(), args: [] };
  } catch (cause) {
    throw new Error(
      "No Chromium found. Install one, or set CHROME to its path, or run `npm ci` in web/e2e for a packaged one.",
      { cause },
    );
  }
}
