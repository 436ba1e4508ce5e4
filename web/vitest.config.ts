import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { alias: { "parley-widget": new URL("src/embed/module.ts", import.meta.url).pathname } },
  test: { include: ["test/**/*.test.{ts,tsx}"], testTimeout: 30_000 },
});
