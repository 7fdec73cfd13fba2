import { defineConfig } from "vitest/config";

// The browser's tests, on a running stack with the syncs that tests/tests/dashboard.rs prepares; with DOCS set, instead of
// them what docs/DASHBOARD.md shows (tests/examples/screenshots.rs). One file after the other: each has a browser of its
// own, and some act on what all see.
export default defineConfig({
  test: {
    include: process.env.DOCS === undefined ? ["e2e/*.test.ts"] : ["e2e/docs/*.ts"],
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 30_000,
  },
});
