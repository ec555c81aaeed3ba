import { defineConfig } from "vitest/config";
import { worker } from "./src/worker/build.ts";

// VITE_SERVER is where a server runs, for `npm run dev`: its doors are passed on, with its self-signed certificate.
const server = process.env.VITE_SERVER ?? "https://localhost:8443";
const door = { target: server, secure: false, changeOrigin: true, ws: true, headers: { origin: server } };

export default defineConfig({
  plugins: [worker()],
  server: {
    proxy: { "/jmap": door, "/.well-known": door, "/session": door, "/pictures": door, "/about": door },
  },
  build: {
    target: "es2023",
    // The policy of the page (Content-Security-Policy) allows nothing inline.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    manifest: true,
    rollupOptions: {
      input: { index: "index.html" },
      output: { entryFileNames: "assets/[name]-[hash].js" },
    },
  },
  test: { include: ["src/**/*.test.{ts,tsx}"], environment: "node", testTimeout: 60_000 },
});
