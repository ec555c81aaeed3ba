// What the server promises of the web client's door (docs/security.md): an attachment is no script or page of ours, whatever a
// page that was broken into does with it, and another site does nothing with the cookie of who is signed in.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Page } from "@playwright/test";
import { expect, type Person, test } from "../harness/index.ts";

const refusals = [
  /Content Security Policy/,
  /MIME type/,
  /status of 40[0134]/,
  /CORS policy/,
  /bad HTTP response/,
  /net::ERR_/,
  /WebSocket connection/,
  /sandboxed/,
  /Framing/,
  /script resource/,
  /localStorage.*Access is denied/,
];

/** Uploads what a stranger might have sent, and says where it is downloaded as which type. */
function uploaded(page: Page, text: string, name: string, type: string): Promise<string> {
  return page.evaluate(
    async ([text, name, type]) => {
      const session = await (await fetch("/.well-known/jmap")).json();
      const account = session.primaryAccounts["urn:ietf:params:jmap:core"];
      const bytes = type === "image/png" ? Uint8Array.from(atob(text), (c) => c.charCodeAt(0)) : text;
      const answer = await fetch(`/jmap/upload/${account}/`, {
        method: "POST",
        headers: { "Content-Type": type },
        body: bytes,
      });
      return `/jmap/download/${account}/${(await answer.json()).blobId}/${name}?type=${encodeURIComponent(type)}`;
    },
    [text, name, type] as const,
  );
}

const picture = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

async function signedIn(person: (name: string) => Promise<Person>): Promise<Person> {
  const ada = await person("Ada Lovelace");
  ada.expected.push(...refusals);
  return ada;
}

test("an attachment is no script, worker or style of the page, also from the cache", async ({ person }) => {
  const { page } = await signedIn(person);
  const script = await uploaded(page, "globalThis.ran = 1", "a.js", "text/javascript");
  const style = await uploaded(page, "body { color: red }", "a.css", "text/css");
  const done = await page.evaluate(
    async ([script, style]) => {
      await fetch(script);
      const loads = (name: "script" | "link", attributes: Record<string, string>) =>
        new Promise((settle) => {
          const e = document.createElement(name);
          e.onload = () => settle("loaded");
          e.onerror = () => settle("refused");
          for (const [key, value] of Object.entries(attributes)) e.setAttribute(key, value);
          document.head.append(e);
        });
      const works = new Promise((settle) => {
        const worker = new Worker(script);
        worker.onerror = () => settle("refused");
        worker.onmessage = () => settle("loaded");
      });
      const registered = navigator.serviceWorker.register(script, { scope: "/jmap/" }).then(
        () => "loaded",
        () => "refused",
      );
      return [
        await loads("script", { src: script }),
        await loads("script", { src: script, type: "module" }),
        await loads("link", { href: style, rel: "stylesheet" }),
        await works,
        await registered,
        "ran" in globalThis,
      ];
    },
    [script, style] as const,
  );
  expect(done).toEqual(["refused", "refused", "refused", "refused", "refused", false]);
});

test("an attachment that is opened is saved, or shown apart from the page", async ({ person }) => {
  const ada = await signedIn(person);
  for (const [name, type] of [
    ["a.html", "text/html"],
    ["a.svg", "image/svg+xml"],
    ["a.pdf", "application/pdf"],
  ] as const) {
    const url = await uploaded(ada.page, "<script>globalThis.ran = 1</script>", name, type);
    const tab = await ada.context.newPage();
    const saved = tab.waitForEvent("download");
    await tab.goto(url).catch(() => {}); // a download is no page to go to
    expect((await saved).suggestedFilename()).toBe(name);
    await tab.close();
  }
  const tab = await ada.context.newPage();
  await tab.goto(await uploaded(ada.page, picture, "a.png", "image/png"));
  expect(await tab.evaluate(() => [document.contentType, self.origin])).toEqual(["image/png", "null"]);
});

test("nothing inline runs in the page, and no script in the frame of messages", async ({ person }) => {
  const { page } = await signedIn(person);
  const shown = await uploaded(page, picture, "a.png", "image/png");
  const done = await page.evaluate(async (shown) => {
    const inline = document.createElement("script");
    inline.textContent = "globalThis.ran = 'inline'";
    document.head.append(inline);
    const frame = document.createElement("iframe");
    frame.src = "/frame.html";
    const opened = new Promise((settle) => (frame.onload = settle));
    document.body.append(frame);
    await opened;
    const inner = frame.contentDocument!;
    inner.body.innerHTML = `<img src="data:," onerror="parent.ran = 'handler'"><a href="javascript:parent.ran = 'link'">x</a><img id="ours" src="${shown}">`;
    const script = inner.createElement("script");
    script.textContent = "parent.ran = 'frame'";
    inner.body.append(script);
    inner.querySelector("a")!.click();
    const ours = inner.getElementById("ours") as HTMLImageElement;
    await ours.decode();
    frame.remove();
    return [(globalThis as { ran?: string }).ran ?? "nothing", ours.naturalWidth];
  }, shown);
  expect(done).toEqual(["nothing", 1]);
});

test("another site on the same host does nothing with the cookie", async ({ person, server }) => {
  const ada = await signedIn(person);
  const shown = await uploaded(ada.page, picture, "a.png", "image/png");
  const site = createServer((_, answer) => answer.setHeader("Content-Type", "text/html").end("<p>another site"));
  await new Promise<void>((listening) => site.listen(0, "127.0.0.1", listening));
  try {
    const evil = await ada.context.newPage();
    await evil.goto(`http://${new URL(server.url).hostname}:${(site.address() as AddressInfo).port}/`);
    const done = await evil.evaluate(
      async ([base, shown]) => {
        const reads = (path: string, init: RequestInit) =>
          fetch(base + path, { credentials: "include", ...init }).then(
            (r) => r.type,
            () => "refused",
          );
        const picture = new Promise((settle) => {
          const e = new Image();
          e.onload = () => settle("shown");
          e.onerror = () => settle("refused");
          e.src = base + shown;
        });
        const socket = new Promise((settle) => {
          const ws = new WebSocket(`${base.replace("http", "ws")}/jmap/ws`, "jmap");
          ws.onopen = () => settle("open");
          ws.onclose = () => settle("refused");
        });
        return [
          await reads("/session", {}),
          await reads("/.well-known/jmap", {}),
          await reads("/jmap/api", { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" }),
          await reads("/session", { method: "DELETE" }),
          await picture,
          await socket,
        ];
      },
      [server.url, shown] as const,
    );
    expect(done).toEqual(["refused", "refused", "refused", "refused", "refused", "refused"]);
  } finally {
    site.close();
  }
  expect(await ada.page.evaluate(async () => (await fetch("/session")).status)).toBe(200);
});

test("a session that ends takes its connections along", async ({ person }) => {
  const { page, account } = await signedIn(person);
  const code = await page.evaluate(
    async ([login, password]) => {
      const socket = new WebSocket(`${location.origin.replace("http", "ws")}/jmap/ws`, "jmap");
      await new Promise((settle) => (socket.onopen = settle));
      const closed = new Promise<number>((settle) => (socket.onclose = (e) => settle(e.code)));
      await fetch("/session", {
        method: "POST", // the new session takes the place of the one that the socket is of
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ login, password, keep: false }),
      });
      return closed;
    },
    [account.address, account.password] as const,
  );
  expect(code).toBe(1008);
});
