import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// `npm run dev` talks to a cutty-agent server on this machine; the built page is served by it.
const server = process.env.CUTTY_SERVER ?? "http://127.0.0.1:8789";

export default defineConfig({
  base: "./",
  plugins: [react()],
  server: {
    host: "127.0.0.1",
    proxy: {
      "/info.json": server,
      "/agents": { target: server, ws: true },
    },
  },
  build: {
    outDir: "../../src/cutty_agent/web",
    emptyOutDir: true,
    target: ["chrome123", "firefox120", "safari17.5"],
    modulePreload: { polyfill: false },
    license: { fileName: "licenses.md" }, // Of the libraries inside the bundle.
    chunkSizeWarningLimit: 900,
    rolldownOptions: {
      output: {
        // The libraries change seldom and the page often: two files let a browser keep the larger one.
        codeSplitting: { groups: [{ name: "libraries", test: /node_modules/ }] },
      },
    },
  },
});
