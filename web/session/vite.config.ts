import { defineConfig } from "vite";

// The module that the server gives out at /client/session.js. The npm package is built by tsc, see tsconfig.build.json.
export default defineConfig({
  build: {
    outDir: "../../src/cutty_agent/web/client",
    emptyOutDir: false,
    target: "es2022",
    lib: { entry: "src/index.ts", formats: ["es"], fileName: () => "session.js" },
    // Vite keeps the white space of modules for bundlers to come; this one is read by browsers only.
    rolldownOptions: { output: { minify: true, comments: { annotation: false } } },
  },
});
