// Says what a browser loads before the client is there, compressed, and fails where that is more than the limit. What loads later by
// import() does not count, but for the words of a language: those of the largest do.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const limit = 250 * 1024;
const dist = process.argv[2] ?? "web/dist";
const manifest = JSON.parse(readFileSync(join(dist, ".vite/manifest.json"), "utf8"));

/** The files that come with a chunk: itself, what it imports, and the style sheets of all of them. */
function files(key, into = new Set()) {
  const chunk = manifest[key];
  if (into.has(chunk.file)) return into;
  into.add(chunk.file);
  for (const sheet of chunk.css ?? []) into.add(sheet);
  for (const imported of chunk.imports ?? []) files(imported, into);
  return into;
}

const size = (file) => gzipSync(readFileSync(join(dist, file)), { level: 9 }).length;
const first = files("index.html");
const words = Object.keys(manifest)
  .filter((key) => /^src\/i18n\/\w+\/index\.ts$/.test(key))
  .map((key) => [...files(key)].filter((file) => !first.has(file)))
  .sort((a, b) => sum(b) - sum(a))[0];

function sum(names) {
  return names.reduce((bytes, name) => bytes + size(name), 0);
}

const all = ["index.html", ...first, ...(words ?? [])];
const bytes = sum(all);
if (process.argv.includes("--json")) console.log(JSON.stringify({ bytes, files: all }));
else console.log(`web: first load ${(bytes / 1024).toFixed(1)} KiB compressed, of ${limit / 1024}: ${all.map((f) => `${f.replace("assets/", "")} ${(size(f) / 1024).toFixed(1)}`).join(", ")}`);
if (bytes > limit) {
  console.error(`web: that is more than ${limit / 1024} KiB: load what is rare later, by import()`);
  process.exit(1);
}
