// Builds what the stories are about, once: the client from its sources, and the server with that client in it. web/dist is left as it is:
// the compiler is told to take the new files in place of those (go build -overlay).
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../../..");

/** Sets MAILMESH_BINARY, where it is not set already, and returns what removes the program again. */
export default function build(): (() => void) | undefined {
  if (process.env.MAILMESH_BINARY) return;
  const folder = mkdtempSync(join(tmpdir(), "mailmesh-browser-"));
  const dist = join(folder, "dist");
  run("npx", ["vite", "build", "--outDir", dist, "--emptyOutDir", "--logLevel", "error"], join(root, "web"));
  const committed = join(root, "web/dist");
  const replace = Object.fromEntries(files(committed).map((name) => [join(committed, name), ""]));
  for (const name of files(dist)) replace[join(committed, name)] = join(dist, name);
  const overlay = join(folder, "overlay.json");
  writeFileSync(overlay, JSON.stringify({ Replace: replace }));
  process.env.MAILMESH_BINARY = join(folder, "mailmesh");
  run("go", ["build", "-overlay", overlay, "-o", process.env.MAILMESH_BINARY, "./cmd/mailmesh"], root);
  return () => rmSync(folder, { recursive: true, force: true });
}

function run(program: string, args: string[], cwd: string): void {
  execFileSync(program, args, {
    cwd,
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, CGO_ENABLED: "0" },
  });
}

function files(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.filter((e) => e.isFile()).map((e) => join(e.parentPath, e.name).slice(folder.length + 1));
}
