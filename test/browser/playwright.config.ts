// The stories: what people do with the web client, played in a real browser against a real server. docs/web.md, "Tests", tells how.
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineConfig } from "@playwright/test";

const ci = process.env.CI === "true";

export default defineConfig({
  testDir: "stories",
  testMatch: "**/*.story.ts",
  globalSetup: "./harness/build.ts",
  outputDir: process.env.STORIES_OUT ?? join(tmpdir(), `mailmesh-stories-${process.getuid?.() ?? 0}`),
  workers: Number(process.env.WORKERS ?? 2),
  fullyParallel: true,
  forbidOnly: ci,
  // Ends what hangs: two cores that have other things to do are slow, and that is no fault.
  timeout: 90_000,
  expect: { timeout: 20_000 },
  reporter: [["list"]],
  use: {
    screenshot: "only-on-failure",
    trace: { mode: "retain-on-failure", screenshots: false, sources: false },
    locale: "en-GB",
    timezoneId: "Europe/Berlin",
    viewport: { width: 1400, height: 900 },
  },
});
