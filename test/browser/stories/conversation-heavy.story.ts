// Mail that is made to be too much: whoever opens it goes on reading. What is measured is how long the page was deaf.
import { expect, type Person, test } from "../harness/index.ts";

const many = (n: number, text: string | ((i: number) => string)) =>
  Array.from({ length: n }, (_, i) => (typeof text === "string" ? text : text(i))).join("");

/** Longest time in which the page may hear nothing, in milliseconds; several people's tests may run beside this one. */
const longest = 4000;

const html: Record<string, string> = {
  nested: `${many(100_000, "<div>")}deep${many(100_000, "</div>")}`,
  "nested formats": `${many(2000, (i) => `<b><i><u><font color="#${i}">`)}deep`,
  attributes: `<p ${many(50_000, (i) => `a${i}="${i}" `)}>many attributes</p>`,
  styles: many(20_000, (i) => `<span style="color:#${String(i % 1000).padStart(3, "0")};margin:${i}px">x</span> `),
  rules: `<style>${many(5000, (i) => `.a${i} .b:not(.c) > p ~ p { color: red }`)}</style>${many(3000, "<p class='a1 b'>x</p>")}`,
  quotes: many(20_000, "<blockquote></blockquote>"),
  "quotes and breaks": many(15_000, "<br><blockquote>x</blockquote>"),
  marks: many(5000, "<div class=gmail_quote></div>"),
  cells: `<table>${many(300, `<tr>${many(30, "<td colspan=1000 rowspan=65534>x</td>")}</tr>`)}</table>`,
  grid: `<div style="display:grid;grid-template-columns:repeat(9999999,1px);grid-template-rows:repeat(9999999,1px)"><p style="grid-column-start:9999999;grid-row-start:9999999">x</p></div>`,
  columns: `<div style="column-count:100000;column-width:1px;width:10000px">${many(5000, "word ")}</div>`,
  shadows: many(300, `<p style="text-shadow:${many(20, "1px 1px 400px red,")}1px 1px 1px red;font-size:90px">x</p>`),
  word: `<p>${"x".repeat(200_000)}</p>`,
  pictures: many(10_000, (i) => `<img src="https://example.net/${i}.png" width=20 height=20>`),
  high: `<div style="height:99999999px">high</div>`,
};

const text: Record<string, string> = {
  blanks: `a${" ".repeat(200_000)}b`,
  lines: `a${"\n".repeat(200_000)}b`,
  brackets: many(100, `http://a.example/${")".repeat(1980)} `),
  addresses: many(30_000, "a@b.example "),
  answers: many(15_000, "> asked\nanswered\n"),
  depth: many(5000, `${">".repeat(500)} x\n`),
};

test("mail that is too much leaves the page usable", async ({ person }) => {
  test.setTimeout(300_000);
  const ada = await person("Ada Lovelace");
  ada.expected.push(/Content Security Policy|sandbox/);
  const all = [...Object.keys(html).map((name) => `html ${name}`), ...Object.keys(text).map((name) => `text ${name}`)];
  await ada.deliver(
    ...Object.entries(html).map(([name, html]) => ({ from: "Eve <eve@example.net>", subject: `html ${name}`, html })),
    ...Object.entries(text).map(([name, text]) => ({ from: "Eve <eve@example.net>", subject: `text ${name}`, text })),
  );
  const times: Record<string, number> = {};
  for (const subject of all) times[subject] = await deaf(ada, await ada.jmap.email(subject));
  expect(Object.entries(times).filter(([, ms]) => ms > longest)).toEqual([]);
});

/** Opens a message, and says how long the page heard nothing at a stretch until it stood there. */
async function deaf(ada: Person, email: { id: string; threadId: string }): Promise<number> {
  await ada.page.evaluate((path) => {
    const watch = { longest: 0, last: performance.now() };
    Object.assign(globalThis, { watch });
    const beat = () => {
      const now = performance.now();
      watch.longest = Math.max(watch.longest, now - watch.last);
      watch.last = now;
      setTimeout(beat, 10);
    };
    beat();
    history.pushState(null, "", path);
    dispatchEvent(new PopStateEvent("popstate"));
  }, `/mail/inbox/${email.threadId}`);
  await expect(ada.page.locator(`[data-message="${email.id}"]`)).toBeVisible({ timeout: 60_000 });
  await expect(ada.page.locator(`[data-message="${email.id}"][aria-busy="false"]`)).toBeVisible({ timeout: 60_000 });
  // Two frames and a round of the timers later what was to be drawn has been drawn.
  return ada.page.evaluate(
    () =>
      new Promise<number>((done) =>
        requestAnimationFrame(() =>
          requestAnimationFrame(() =>
            setTimeout(
              () => done(Math.round((globalThis as unknown as { watch: { longest: number } }).watch.longest)),
              300,
            ),
          ),
        ),
      ),
  );
}
