// How the worker is built: after the program, by itself (a worker is one script), with the list of the program's files in it. Imported by
// vite.config.ts, and by nothing of the program.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { build, type Plugin } from "vite";
import type { Shell } from "./shell";

/** Emits /sw.js, the same for the same sources. */
export function worker(): Plugin {
  return {
    name: "worker",
    apply: "build",
    enforce: "post",
    async generateBundle(_, bundle) {
      const files = Object.keys(bundle)
        .filter((name) => name.startsWith("assets/") && !name.endsWith(".map"))
        .map((name) => `/${name}`)
        .sort();
      const page = readFileSync("index.html", "utf8");
      const version = createHash("sha256")
        .update(JSON.stringify([files, page]))
        .digest("base64url")
        .slice(0, 12);
      this.emitFile({ type: "asset", fileName: "sw.js", source: await script({ version, files }) });
    },
  };
}

async function script(shell: Shell): Promise<string> {
  const built = await build({
    configFile: false,
    logLevel: "warn",
    publicDir: false,
    define: { SHELL: JSON.stringify(shell) },
    build: {
      write: false,
      target: "es2023",
      rollupOptions: { input: "src/worker/sw.ts", output: { format: "iife", entryFileNames: "sw.js" } },
    },
  });
  const outputs = Array.isArray(built) ? built : [built];
  for (const one of outputs) if ("output" in one) return one.output[0].code;
  throw new Error("the worker was not built");
}
