import { defineConfig } from "vitest/config";
import { localeTablesForTests } from "./locales.mjs";

export default defineConfig({
  plugins: [localeTablesForTests],
  resolve: { alias: { "parley-widget": new URL("src/embed/module.ts", import.meta.url).pathname } },
  test: { include: ["test/**/*.test.{ts,tsx}"], testTimeout: 30_000 },
});
