import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["{session,widget,console}/test/**/*.test.ts", "chat/test/**/*.test.{ts,tsx}"],
    environment: "node",
  },
});
