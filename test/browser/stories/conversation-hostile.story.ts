// Hostile mail: none of it may run, fetch, ask, submit or lead anywhere. Each file of test/browser/hostile is delivered over LMTP and opened as its reader
// would. Once as it is; once without what the frame protects from, so that the sanitizer has to hold by itself.
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { expect, type Person, test as story } from "../harness/index.ts";

const folder = join(import.meta.dirname, "../hostile");
const corpus = readdirSync(folder).filter((name) => /\.(?:html|eml)$/.test(name));

interface Canary {
  port: number;
  visits: number;
}

/** canary.example leads to a server of ours, which counts who comes, and sees what the browser does not tell of: preconnections. */
const test = story.extend<object, { canary: Canary; launchOptions: { args: string[] } }>({
  canary: [
    async ({}, use) => {
      const canary = { port: 0, visits: 0 };
      const server = createServer((socket) => {
        canary.visits++;
        socket.destroy();
      });
      await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
      canary.port = (server.address() as { port: number }).port;
      await use(canary);
      server.close();
    },
    { scope: "worker" },
  ],
  launchOptions: [
    async ({ launchOptions, canary }, use) => {
      const rule = `--host-resolver-rules=MAP *.canary.example 127.0.0.1:${canary.port}, MAP canary.example 127.0.0.1:${canary.port}`;
      await use({ ...launchOptions, args: [...launchOptions.args, rule] });
    },
    { scope: "worker" },
  ],
});

const parts = 4;
for (let part = 0; part < parts; part++) {
  const files = corpus.filter((_, i) => i % parts === part);
  test(`hostile mail neither runs nor fetches (${part + 1} of ${parts})`, async ({ person, canary }) => {
    test.setTimeout(120_000);
    const ada = await person("Ada Lovelace", { path: "/mail/inbox" });
    expect(await readAll(ada, files)).toEqual([]);
    expect(canary.visits, "connections to the canary").toBe(0);
  });

  test(`the sanitizer holds without the frame (${part + 1} of ${parts})`, async ({ person, canary }) => {
    test.setTimeout(120_000);
    const ada = await person("Ada Lovelace", { path: "/mail/inbox" });
    await ada.page.route("**/frame.html", (route) =>
      route.fulfill({ contentType: "text/html", body: "<!doctype html><title></title><body></body>" }),
    );
    await ada.page.addInitScript(weaken);
    await ada.page.reload();
    expect(await readAll(ada, files)).toEqual([]);
    expect(canary.visits, "connections to the canary").toBe(0);
  });
}

test("hostile mail is forwarded without running or fetching", async ({ person, canary }) => {
  test.setTimeout(60_000);
  const ada = await person("Ada Lovelace");
  const { page } = ada;
  ada.expected.push(/Content Security Policy|@import rules/);
  const dialogs: string[] = [];
  page.on("dialog", (d) => {
    dialogs.push(d.message());
    void d.dismiss();
  });
  const files = corpus.filter((name) =>
    /^(?:fetch-img|css-url-inline|handler-img|mxss-svg-style|script-broken|svg-onload)/.test(name),
  );
  await ada.deliver(...files.map((name) => letter(name)));
  for (const email of await ada.jmap.emails("inbox")) {
    await open(ada, email);
    await page.keyboard.press("f");
    const writing = page.getByRole("textbox", { name: "Quoted text" }).last();
    await expect(writing).toContainText("eve@example.net");
    expect(await writing.evaluate((e) => e.querySelectorAll("script,style,iframe,svg,[onerror],[onload]").length)).toBe(
      0,
    );
    await page.keyboard.press("Escape");
  }
  expect(dialogs).toEqual([]);
  expect(canary.visits, "connections to the canary").toBe(0);
});

test("pictures are fetched by the server alone, and only when they are asked for", async ({ person, canary }) => {
  const ada = await person("Ada Lovelace");
  const seen: string[] = [];
  ada.context.on("request", (r) => seen.push(r.url()));
  await ada.deliver({
    from: "Eve <eve@example.net>",
    subject: "Pictures",
    html: readFileSync(join(folder, "fetch-img.html"), "utf8"),
  });
  await open(ada, await ada.jmap.email("Pictures"));
  await expect(ada.page.getByText(/remote pictures? (?:is|are) not shown/)).toBeVisible();
  expect(seen.filter((url) => /picture/.test(url))).toEqual([]);
  ada.expected.push(/status of (?:4|5)\d\d/); // the server does not reach canary.example
  await ada.page.getByRole("button", { name: "Show pictures" }).click();
  await expect
    .poll(
      () =>
        seen.filter((url) => new URL(url).pathname.startsWith("/pictures/") || /picture/.test(new URL(url).pathname))
          .length,
    )
    .toBeGreaterThan(0);
  expect(seen.filter((url) => /^https?:/.test(url) && new URL(url).origin !== new URL(ada.page.url()).origin)).toEqual(
    [],
  );
  expect(canary.visits, "connections to the canary").toBe(0);
});

/** Takes away what the frame protects from: scripts, dialogs and leaving the page are allowed in it. */
function weaken(): void {
  const set = Element.prototype.setAttribute;
  const loose = "allow-same-origin allow-popups allow-scripts allow-modals allow-forms allow-top-navigation";
  Object.defineProperty(HTMLIFrameElement.prototype, "sandbox", {
    set() {
      set.call(this, "sandbox", loose);
    },
  });
  Element.prototype.setAttribute = function (name: string, value: string) {
    set.call(this, name, name === "sandbox" ? loose : value);
  };
}

/** Opens one after the other, and returns what went wrong. */
async function readAll(ada: Person, files: readonly string[]): Promise<string[]> {
  // What a parser meets in a document that runs nothing is told on the console; what it would have run is looked for in the frame itself.
  ada.expected.push(/Content Security Policy|@import rules are not allowed|sandbox/);
  const found: string[] = [];
  let now = "";
  watch(ada, (what) => found.push(`${now}: ${what}`));
  await ada.deliver(...files.map((name) => letter(name)));
  const emails = await ada.jmap.emails("inbox");
  expect(emails.length).toBe(files.length);
  for (const name of files) {
    now = name;
    const email = emails.find((e) => e.subject?.includes(name.replace(/\.\w+$/, "")));
    if (!email) throw new Error(`${name} did not arrive`);
    await open(ada, email);
    for (const what of await ada.page.evaluate(inspect)) found.push(`${name}: ${what}`);
    await provoke(ada.page);
    expect(new URL(ada.page.url()).pathname, name).toContain(email.threadId);
  }
  return found;
}

function letter(name: string) {
  const text = readFileSync(join(folder, name), "utf8");
  const subject = name.replace(/\.\w+$/, "");
  return name.endsWith(".eml")
    ? text
    : { from: "Eve <eve@example.net>", subject, html: text, messageId: `${subject}@hostile.example` };
}

async function open(ada: Person, email: { id: string; threadId: string }): Promise<void> {
  await ada.page.evaluate((path) => {
    history.pushState(null, "", path);
    dispatchEvent(new PopStateEvent("popstate"));
  }, `/mail/inbox/${email.threadId}`);
  await expect(ada.page.locator(`[data-message="${email.id}"][aria-busy="false"]`)).toBeVisible();
  await expect(ada.page.locator('[data-shown="false"]')).toHaveCount(0);
}

/** Moves over what is there, and through it by keyboard. */
async function provoke(page: Page): Promise<void> {
  const frame = page.locator("[data-shown] iframe").first();
  const box = (await frame.count()) ? await frame.boundingBox() : null;
  if (box) {
    await page.mouse.move(box.x + 5, box.y + 5);
    await page.mouse.move(box.x + 40, box.y + Math.min(20, box.height / 2), { steps: 3 });
    await page.mouse.wheel(0, 40);
  }
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
}

function watch(ada: Person, tell: (what: string) => void): void {
  const own = new URL(ada.page.url()).origin;
  ada.page.on("dialog", (d) => {
    tell(`a dialog: ${d.message()}`);
    void d.dismiss();
  });
  ada.page.on("console", (m) => /Ignored call to|Blocked (?:form|opening)/.test(m.text()) && tell(m.text()));
  ada.context.on("page", (p) => tell(`a window: ${p.url()}`));
  ada.page.on("framenavigated", (f) => {
    const { origin, pathname } = new URL(f.url() === "" ? own : f.url());
    const right =
      f === ada.page.mainFrame()
        ? pathname.startsWith("/mail")
        : pathname === "/frame.html" || f.url() === "about:blank";
    if (origin !== own && f.url() !== "about:blank") tell(`left for ${f.url()}`);
    else if (!right) tell(`went to ${f.url()}`);
  });
  ada.context.on("request", (r) => {
    const url = new URL(r.url());
    if (url.protocol === "data:" || url.protocol === "blob:") return;
    const paths =
      r.resourceType() === "image"
        ? /^\/(?:jmap\/download|icons|assets)\//
        : /^\/(?:$|mail|assets|icons|jmap|session$|frame\.html$|sw\.js$|manifest\.|\.well-known\/jmap$)/;
    if (url.origin !== own || !paths.test(url.pathname)) tell(`a request: ${r.resourceType()} ${r.url()}`);
  });
}

/** Looks through the frames for what must not be there. It runs in the page. */
function inspect(): string[] {
  const wrong: string[] = [];
  const forbidden =
    "script,style,link,meta,base,iframe,frame,frameset,object,embed,applet,form,input,button,select,textarea,svg,math,template,video,audio,source,track,canvas,dialog,portal,slot,marquee";
  const attributes =
    /^(?:on|srcset$|srcdoc$|background$|poster$|action$|formaction$|ping$|data|xlink|longdesc$|lowsrc$|dynsrc$|is$|slot$|part$|contenteditable$|popover|autofocus$|tabindex$|accesskey$|cite$|attributionsrc$)/;
  for (const frame of document.querySelectorAll<HTMLIFrameElement>("iframe[title]")) {
    const doc = frame.contentDocument;
    if (!doc) {
      wrong.push("a frame that is out of reach");
      continue;
    }
    if (doc.location.pathname !== "/frame.html") wrong.push(`the frame is at ${doc.location.href}`);
    for (const e of doc.body.querySelectorAll("*")) {
      if (e.namespaceURI !== "http://www.w3.org/1999/xhtml" || e.matches(forbidden)) wrong.push(`<${e.localName}>`);
      for (const { name, value } of e.attributes) {
        if (attributes.test(name)) wrong.push(`${e.localName}[${name}]`);
        if ((name === "id" || name === "name") && !value.startsWith("m-")) wrong.push(`a name: ${value}`);
        if (name === "href" && !/^(?:https?:|mailto:|tel:|#m-)/.test(value)) wrong.push(`a link to ${value}`);
        if (name === "src" && !/^(?:data:image\/(?!svg)|\/)/.test(value)) wrong.push(`a source: ${value}`);
        if (name === "target" && value !== "_blank") wrong.push(`a target: ${value}`);
        if (name === "style" && /url\((?!"(?:\/|data:image))|(?:^|; )position:|expression|image-set/i.test(value))
          wrong.push(`a style: ${value}`);
      }
    }
    for (const sheet of doc.adoptedStyleSheets) {
      for (const rule of sheet.cssRules) {
        if (/url\((?!"(?:\/|data:image))|@import|@font-face|image-set|expression/i.test(rule.cssText))
          wrong.push(`a rule: ${rule.cssText}`);
      }
    }
    if (frame.getBoundingClientRect().height > 100_100) wrong.push("a frame without end");
  }
  if (document.querySelector("[onerror],[onload],[onclick]")) wrong.push("a handler in the page");
  return wrong;
}
