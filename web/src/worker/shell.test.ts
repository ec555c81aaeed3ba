import { beforeEach, expect, test } from "vitest";
import { answerFile, answerPage, fill, kindOf, nameOf, page, tidy } from "./shell";

// A CacheStorage as far as it is used.
class Caches {
  all = new Map<string, Map<string, Response>>();
  async open(name: string) {
    const of = this.all.get(name) ?? new Map<string, Response>();
    this.all.set(name, of);
    return { put: async (url: string, r: Response) => void of.set(url, r) };
  }
  async match(request: string | Request) {
    const url = typeof request === "string" ? request : new URL(request.url).pathname;
    for (const of of this.all.values()) if (of.has(url)) return of.get(url)!.clone();
    return undefined;
  }
  async keys() {
    return [...this.all.keys()];
  }
  async delete(name: string) {
    return this.all.delete(name);
  }
}

let kept: Caches;
let caches: CacheStorage;
let loaded: string[];
const load = async (url: string) => {
  loaded.push(url);
  return new Response(url, { status: url.includes("gone") ? 404 : 200 });
};
const never = () => new Promise<never>(() => {});
const soon = async () => {};

beforeEach(() => {
  kept = new Caches();
  caches = kept as unknown as CacheStorage;
  loaded = [];
});

const here = "https://mail.example";
test.each([
  ["page", "GET", `${here}/mail/inbox/T1?x`, "navigate"],
  ["page", "GET", `${here}/`, "navigate"],
  ["file", "GET", `${here}/assets/index-1.js`, "cors"],
  [null, "GET", `${here}/about`, "navigate"],
  [null, "GET", `${here}/frame.html`, "navigate"],
  [null, "GET", `${here}/jmap/download/A/B/mail.eml`, "navigate"],
  [null, "GET", `${here}/pictures/1`, "no-cors"],
  [null, "POST", `${here}/session`, "cors"],
  [null, "GET", "https://elsewhere.example/assets/a.js", "cors"],
] as const)("%s: %s %s (%s)", (kind, method, url, mode) => {
  expect(kindOf({ method, url, mode }, here)).toBe(kind);
});

test("a build is loaded whole, but for what is there already", async () => {
  await fill({ version: "1", files: ["/assets/a.js", "/assets/b.js"] }, caches, load);
  await fill({ version: "2", files: ["/assets/b.js", "/assets/c.js"] }, caches, load);
  expect(loaded).toEqual(["/", "/assets/a.js", "/assets/b.js", "/", "/assets/c.js"]);
  await tidy({ version: "2", files: [] }, caches);
  expect(await caches.keys()).toEqual([nameOf({ version: "2", files: [] })]);
});

test("a build that cannot be loaded whole is none", async () => {
  await expect(fill({ version: "1", files: ["/assets/gone.js"] }, caches, load)).rejects.toThrow("404");
});

test("the page is the server's", async () => {
  expect(await (await answerPage(Promise.resolve(new Response("new")), caches, never)).text()).toBe("new");
});

test.each([
  ["does not answer", () => never(), soon],
  ["is not there", () => Promise.reject(new TypeError("failed to fetch")), never],
  ["is out of service", async () => new Response("", { status: 503 }), never],
] as const)("the page is the kept one where the server %s", async (_, server, wait) => {
  await (await caches.open("shell 1")).put(page, new Response("kept"));
  expect(await (await answerPage(server(), caches, wait)).text()).toBe("kept");
});

test("without a kept page the server's answer is what there is", async () => {
  expect((await answerPage(Promise.resolve(new Response("", { status: 503 })), caches, never)).status).toBe(503);
});

test("a file is loaded where it is not kept", async () => {
  await (await caches.open("shell 1")).put("/assets/a.js", new Response("kept"));
  const text = async (url: string) =>
    (await answerFile(new Request(here + url), caches, async (r) => load(new URL(r.url).pathname))).text();
  expect([await text("/assets/a.js"), await text("/assets/b.js")]).toEqual(["kept", "/assets/b.js"]);
});
