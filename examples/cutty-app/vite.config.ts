import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [react()],
  // The session helper is linked from the repository; its React must be ours.
  resolve: { dedupe: ["react", "react-dom"] },
  server: {
    host: "localhost", // As the agent server's: cookies go to a host, at whatever port.
    // The application compares Origin and Host, so the page's own host is passed on.
    proxy: { "/api": { target: process.env.CUTTY_APP_API ?? "http://127.0.0.1:8790", changeOrigin: false } },
  },
  build: { chunkSizeWarningLimit: 900 },
});
