// What src/safe makes of HTML, piece by piece, in a browser: a page of its own, with nothing of the program but that room.
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { build, type Rolldown } from "vite";
import { expect, test } from "../harness/index.ts";

const entry = join(import.meta.dirname, "../../../web/src/safe/index.ts");

async function safe(page: Page): Promise<void> {
  const made = (await build({
    configFile: false,
    logLevel: "silent",
    build: { write: false, minify: false, lib: { entry, formats: ["iife"], name: "safe" } },
  })) as Rolldown.RolldownOutput[];
  await page.goto("about:blank");
  await page.addScriptTag({ content: made[0]!.output[0].code });
}

interface Result {
  html: string;
  css: string;
  remote: string[];
  trackers: number;
  coloured: boolean;
}

/** What a frame would show of it; pictures of pictures.example may be shown, at /shown/…, and so may the part "known". */
function sanitized(page: Page, html: string): Promise<Result> {
  return page.evaluate(async (text) => {
    const room = (globalThis as any).safe;
    const frame = document.createElement("iframe");
    document.body.append(frame);
    const clean = room.sanitize(text, frame.contentWindow);
    const { body } = room.place(clean, frame.contentDocument, "", {
      remote: (url: string) => (url.includes("pictures.example") ? `/shown/${url.split("/").pop()}` : undefined),
      cid: (id: string) => (id === "known" ? "/cid/known" : undefined),
    });
    const sheet = frame.contentDocument!.adoptedStyleSheets[0]!;
    const css = [...sheet.cssRules].map((r) => r.cssText.replace(/\s+/g, " ")).join(" ");
    const { remote, trackers, coloured } = clean;
    frame.remove();
    return { html: body.innerHTML.trim(), css, remote, trackers, coloured };
  }, html);
}

const nothing = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7";

test("HTML is left as far as it stands in the lists", async ({ page }) => {
  await safe(page);
  const cases: [html: string, left: unknown][] = [
    ["<p onclick=alert(1)>a</p>", "<p>a</p>"],
    ["<script>alert(1)</script>b", "b"],
    ["<form action=x><input value=1>c<button>d</button></form>", "cd"],
    ["<svg><script>1</script></svg>e", "e"],
    ["<custom-element>f</custom-element>", "f"],
    ['<p id=a class="b c">g</p>', '<p id="m-a" class="m-b m-c">g</p>'],
    ['<p style="color:red;position:fixed;top:0">h</p>', '<p style="color: red;">h</p>'],
    ['<p style="width:100vh;height:2em">i</p>', '<p style="height: 2em;">i</p>'],
    ['<p style="background:url(//evil.example/x)">j</p>', expect.not.stringContaining("evil")],
    ['<a href="#x">k</a><a name=x>l</a>', '<a href="#m-x" rel="noopener noreferrer">k</a><a name="m-x">l</a>'],
    ['<a href="javascript:alert(1)">m</a>', "<a>m</a>"],
    [
      '<a href="https://example.org" target=_top>n</a>',
      '<a href="https://example.org/" target="_blank" rel="noopener noreferrer">n</a>',
    ],
    ['<img src="cid:known">', expect.stringContaining('src="/cid/known"')],
    ['<img src="cid:other">', expect.stringContaining(`src="${nothing}"`)],
    ['<img src="https://pictures.example/a.png">', expect.stringContaining('src="/shown/a.png"')],
    ['<img src="https://elsewhere.example/a.png">', expect.stringContaining(`class="mm-blocked"`)],
    ['<img src="data:image/svg+xml,<svg/>">', "<img>"],
    ["<table bgcolor=red><td align=center>o</table>", expect.stringContaining('bgcolor="red"')],
    ['<blockquote type=cite cite="https://x.example">p</blockquote>', '<blockquote type="cite">p</blockquote>'],
  ];
  for (const [html, left] of cases) {
    const { html: is } = await sanitized(page, html);
    const sorted = (text: unknown) => (typeof text === "string" ? attributesSorted(text) : text);
    expect(sorted(is), html).toEqual(sorted(left));
  }
});

/** The order of attributes says nothing. */
function attributesSorted(html: string): string {
  return html.replace(
    /<(\w+)((?: [\w-]+="[^"]*")+)>/g,
    (_, name: string, all: string) =>
      `<${name} ${all
        .trim()
        .match(/[\w-]+="[^"]*"/g)!
        .toSorted()
        .join(" ")}>`,
  );
}

test("rules of style elements are read by the browser and written anew", async ({ page }) => {
  await safe(page);
  const css = async (text: string) => (await sanitized(page, `<style>${text}</style><p>x</p>`)).css;
  expect(await css("p.a#b{color:red}")).toBe("p.m-a#m-b { color: red; }");
  expect(await css("body{color:red} html .x{margin:0}")).toContain(".mm-body { color: red; }");
  expect(
    await css(
      "@import 'https://evil.example/x'; @font-face{font-family:x;src:url(https://evil.example/f)} p{color:red}",
    ),
  ).toBe("p { color: red; }");
  expect(
    await css("@media (max-width:600px){.a{display:none}} @media (prefers-color-scheme:dark){p{color:#fff}}"),
  ).toBe("@media (max-width: 600px) { .m-a { display: none; } }");
  expect(await css("p{background-image:url(https://pictures.example/b.png)}")).toContain('url("/shown/b.png")');
  expect(await css("p{background-image:url(https://evil.example/b.png)}")).not.toContain("evil");
  expect(
    await css("p{background-image:image-set('https://evil.example/b.png' 1x);content:url(https://evil.example/c)}"),
  ).toBe("");
  expect(await css(":root{--x:url(https://evil.example/v)} p{background:var(--x)}")).toBe("");
  expect(await css("[title='.a #b']{color:red}")).toBe('[title=".a #b"] { color: red; }');
});

test("pictures are counted, trackers are told from them, and colours are noticed", async ({ page }) => {
  await safe(page);
  const html =
    '<img src="https://a.example/1"><img src="https://a.example/1"><img src="https://a.example/t" width=1 height=1><img src="https://a.example/h" style="display:none"><td background="https://a.example/2">';
  expect(await sanitized(page, `<table>${html}</table>`)).toMatchObject({
    remote: expect.arrayContaining(["https://a.example/1", "https://a.example/2"]),
    trackers: 2,
  });
  const coloured = async (text: string) => (await sanitized(page, text)).coloured;
  expect(await coloured('<p style="color:#333;background:#fff">x</p>')).toBe(false);
  expect(await coloured('<p style="color:#06c">x</p>')).toBe(true);
  expect(await coloured("<body bgcolor=#eeeeee>x")).toBe(true);
  expect(await coloured("<font color=red>x</font>")).toBe(true);
});
