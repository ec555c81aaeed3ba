import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "@playwright/test";

const source = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

interface Result {
  id: string;
  impact: string;
  help: string;
  nodes: { target: string[]; html: string; failureSummary: string }[];
}

/** What axe finds serious or worse in what the page shows now. Messages themselves, which others have written, are left out. */
export async function barriers(page: Page): Promise<string[]> {
  await page.evaluate(source);
  const found = await page.evaluate(async () => {
    const axe = (
      globalThis as unknown as { axe: { run: (context: object, o: object) => Promise<{ violations: Result[] }> } }
    ).axe;
    const { violations } = await axe.run({ exclude: ["iframe"] }, { resultTypes: ["violations"], iframes: false });
    return violations;
  });
  return found
    .filter((v) => v.impact === "serious" || v.impact === "critical")
    .flatMap((v) =>
      v.nodes
        .slice(0, 3)
        .map(
          (n) => `${v.id}: ${v.help}: ${n.html.slice(0, 300)} ${n.failureSummary.replace(/\s+/g, " ").slice(0, 300)}`,
        ),
    );
}
