import { defineConfig } from "vitest/config";

export default defineConfig({
  test: { include: ["session/test/**/*.test.ts", "chat/test/**/*.test.{ts,tsx}"], environment: "node" },
});
