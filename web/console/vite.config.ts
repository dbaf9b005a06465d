import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// `npm run dev:console` talks to a cutty-agent server on this machine; the built console is served by it.
const server = process.env.CUTTY_SERVER ?? "http://127.0.0.1:8789";

export default defineConfig({
  base: "./",
  plugins: [react()],
  server: {
    host: "127.0.0.1",
    proxy: { "/admin": server },
  },
  build: {
    outDir: "../../src/cutty_agent/web/console",
    emptyOutDir: true,
    target: ["chrome123", "firefox120", "safari17.5"],
    modulePreload: { polyfill: false },
    license: { fileName: "licenses.md" }, // Of the libraries inside the bundle.
    rolldownOptions: {
      output: {
        // Charts and Markdown have files of their own because they are imported when they are needed.
        codeSplitting: { groups: [{ name: "react", test: /node_modules\/(?:react|react-dom|scheduler)\// }] },
      },
    },
  },
});
