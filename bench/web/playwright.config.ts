// What `mailload web` runs: the web client in a browser, with a clock in hand.
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineConfig } from "@playwright/test";

export default defineConfig({
  testMatch: "*.speed.ts",
  globalSetup: "../../test/browser/harness/build.ts",
  outputDir: join(tmpdir(), `mailmesh-speed-${process.getuid?.() ?? 0}`),
  workers: 1,
  timeout: 600_000,
  expect: { timeout: 30_000 },
  reporter: [["list"]],
  use: { locale: "en-GB", timezoneId: "Europe/Berlin", viewport: { width: 1400, height: 900 } },
});
