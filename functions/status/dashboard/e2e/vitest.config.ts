import { defineConfig } from "vitest/config";

// The browser's tests, on a running stack with the syncs that tests/tests/dashboard.rs prepares. One file after the other:
// each has a browser of its own, and some act on what all see.
export default defineConfig({
  test: {
    include: ["e2e/**/*.test.ts"],
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 30_000,
  },
});
