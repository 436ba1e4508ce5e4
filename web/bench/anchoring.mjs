/** How well anchors survive edits: bundles the benchmark with the anchoring that it measures, and runs it. */
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const web = dirname(dirname(fileURLToPath(import.meta.url)));
// Below node_modules, so that the bundle finds jsdom and git does not find the bundle.
const folder = await mkdtemp(join(web, "node_modules", ".bench-"));
try {
  const outfile = join(folder, "anchoring.mjs");
  await build({
    entryPoints: [join(web, "bench/anchoring/main.ts")], bundle: true, platform: "node", format: "esm", target: "node20",
    external: ["jsdom"], outfile, logLevel: "warning", absWorkingDir: web,
  });
  const child = spawn(process.execPath, [outfile, web, ...process.argv.slice(2)], { stdio: "inherit" });
  process.exitCode = await new Promise((resolve) => child.on("exit", (code) => resolve(code ?? 1)));
} finally {
  await rm(folder, { recursive: true });
}
