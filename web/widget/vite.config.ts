import { defineConfig } from "vite";

// One file that a page includes with <script src>, as a classic script or as a module.
export default defineConfig({
  build: {
    outDir: "../../src/cutty_agent/web/client",
    emptyOutDir: false,
    target: ["chrome123", "firefox120", "safari17.5"],
    license: { fileName: "widget.licenses.md" }, // Of the libraries inside the bundle.
    lib: { entry: "src/index.ts", formats: ["iife"], name: "cuttyWidget", fileName: () => "widget.js" },
    rolldownOptions: { output: { comments: { annotation: false } } },
  },
});
