import { defineConfig } from "vitest/config";

// The status function embeds `dist` and serves it under a Content-Security-Policy that allows nothing inline, so
// nothing may be inlined here: no data: URLs, no polyfill in a script of its own.
export default defineConfig({
  base: "./",
  build: {
    target: "es2022",
    // Those that know light-dark(), which is not worked around for older ones.
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  // `npm run dev` beside a local stack: API_URL comes from `. .local/env`.
  server: {
    host: "127.0.0.1",
    proxy: Object.fromEntries(
      ["/api", "/config.json", "/health"].map((path) => [
        path,
        process.env.API_URL ?? "http://127.0.0.1:8080",
      ]),
    ),
  },
  test: { include: ["test/**/*.test.ts"] },
});
