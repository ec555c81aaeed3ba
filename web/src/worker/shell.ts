// The shell of the program in the cache: its own files and nothing of any mail, so that it starts without a connection. Which files these are is
// written into the worker when it is built (vite.config.ts).

/** What a build consists of. */
export interface Shell {
  version: string; // another one for any other build
  files: readonly string[]; // beginning with a slash, with a hash in their names
}

const prefix = "shell ";
export const page = "/index.html"; // under which the page is kept; it is the same at every address
export const patience = 4_000; // after which a connection that does not answer counts as none

export const nameOf = (shell: Shell) => prefix + shell.version;

/** What a request is to the cache: the page, one of the files, or nothing of ours (then the browser does what it does without us). */
export function kindOf(request: { method: string; url: string; mode: string }, origin: string): "page" | "file" | null {
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== origin) return null;
  if (request.mode === "navigate")
    return url.pathname === "/" || url.pathname === "/mail" || url.pathname.startsWith("/mail/") ? "page" : null;
  return url.pathname.startsWith("/assets/") || url.pathname.startsWith("/icons/") ? "file" : null;
}

/** Loads all of a build. Files whose names have not changed are taken from the cache before. */
export async function fill(
  shell: Shell,
  caches: CacheStorage,
  load: (url: string, fresh: boolean) => Promise<Response>,
): Promise<void> {
  const cache = await caches.open(nameOf(shell));
  const keep = async (url: string, response: Response) => {
    if (!response.ok) throw new Error(`${url}: ${response.status}`);
    await cache.put(url, response);
  };
  await keep(page, await load("/", true));
  await Promise.all(shell.files.map(async (url) => keep(url, (await caches.match(url)) ?? (await load(url, false)))));
}

/** Forgets the builds before. */
export async function tidy(shell: Shell, caches: CacheStorage): Promise<void> {
  for (const name of await caches.keys())
    if (name.startsWith(prefix) && name !== nameOf(shell)) await caches.delete(name);
}

/**
 * The page: the server's, so that a new build is seen at once; the kept one where the server does not answer. What the server says but 5xx is
 * what it says.
 */
export async function answerPage(
  fromServer: Promise<Response>,
  caches: CacheStorage,
  wait: (ms: number) => Promise<void>,
): Promise<Response> {
  const failed = fromServer.then((r) => (r.status >= 500 ? undefined : r)).catch(() => undefined);
  const first = await Promise.race([failed, wait(patience)]);
  return first ?? (await caches.match(page)) ?? fromServer;
}

export async function answerFile(
  request: Request,
  caches: CacheStorage,
  load: (r: Request) => Promise<Response>,
): Promise<Response> {
  return (await caches.match(request)) ?? load(request);
}
