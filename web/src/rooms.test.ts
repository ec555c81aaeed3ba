// Keeps the rooms apart (docs/web.md): imports point down, and what is beside each other meets in app/ports.ts alone.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const src = dirname(fileURLToPath(import.meta.url));

const furniture = ["ui", "i18n", "preferences"];
const views = ["list", "search", "conversation", "compose", "live", "settings", "signin"];

/** What each room may import, beside itself. Those of the views also app/ports and app/route. */
const may: Record<string, readonly string[]> = {
  i18n: [],
  preferences: ["i18n"],
  ui: ["i18n"],
  safe: [],
  jmap: [],
  worker: ["jmap", "i18n"],
  model: ["jmap", "i18n", "ui", "preferences"],
  ...Object.fromEntries(views.map((v) => [v, ["model", "jmap", "safe", ...furniture]])),
  live: ["model", "jmap", "worker", ...furniture], // the page and its worker show the same notifications
  app: ["model", "jmap", "safe", ...views, ...furniture],
};
const shared = ["app/ports", "app/route"];

const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter(
  (f) => /\.tsx?$/.test(f) && f.includes("/") && !/\.test\.tsx?$/.test(f),
);

test.each(files)("%s imports what its room may", (file) => {
  const room = file.split("/")[0]!;
  expect(may, `the room ${room} stands in rooms.test.ts`).toHaveProperty(room);
  const text = readFileSync(join(src, file), "utf8");
  for (const [, path] of text.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)) {
    const target = relative(src, join(src, dirname(file), path!));
    const other = target.split("/")[0]!;
    if (other === room || may[room]!.includes(other)) continue;
    expect(views.includes(room) && shared.includes(target), `${file} must not import ${target}`).toBe(true);
  }
});
