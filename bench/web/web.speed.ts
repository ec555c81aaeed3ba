// How fast the web client is for whom it is for: what they see, and when. bench/README.md tells what each figure is.
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "../../test/browser/harness/index.ts";
import { portOf } from "../../test/browser/harness/server.ts";
import { percentile, record } from "./figures.ts";
import { fill } from "./fill.ts";
import { cdp, heap, watch } from "./watch.ts";

const messages = Number(process.env.MESSAGES ?? 100_000);
const rounds = Number(process.env.ROUNDS ?? 9);
const mebibyte = 1 << 20;

test("what is loaded first", () => {
  const root = join(import.meta.dirname, "../..");
  const { bytes } = JSON.parse(execFileSync("node", ["test/web/weigh.mjs", "web/dist", "--json"], { cwd: root, encoding: "utf8" }));
  record("first load, compressed", "KiB", [bytes / 1024]);
});

test("the inbox and conversations", async ({ person, server }) => {
  const ada = await person("Ada Lovelace", { path: "/mail/inbox" });
  await fill(portOf(server.doors.imap), ada.account, 2000);
  await watch(ada.context);
  const fresh: number[] = [];
  const again: number[] = [];
  for (let i = 0; i <= rounds; i++) {
    const page = await ada.tab();
    const first = await page.evaluate(() => window.firstRows);
    await page.reload();
    const second = await page.evaluate(() => window.firstRows);
    await page.close();
    if (i > 0) {
      fresh.push(first); // the first round warms the server and the browser
      again.push(second);
    }
  }
  record("inbox painted, from a warm server", "ms", fresh);
  record("inbox painted, after a reload", "ms", again);

  await ada.page.reload();
  const rows = ada.page.locator('[role="row"]');
  await expect(rows.nth(rounds + 1)).toBeVisible();
  const opened: number[] = [];
  for (let i = 0; i <= rounds; i++) {
    const row = rows.nth(i);
    const subject = (await row.locator("a").first().textContent())!;
    const took = ada.page.evaluate((text) => {
      return new Promise<number>((done) => {
        document.addEventListener("click", (e) => {
          void window.painted("article[data-message] p, article[data-message] pre, article[data-message] [data-text]", text).then((at) => done(at - (performance.timeOrigin + e.timeStamp)));
        }, { once: true, capture: true });
      });
    }, `Message ${Number(subject.replace(/\D/g, "")) + (subject.startsWith("Re: ") ? 1 : 0)}.`);
    await row.click();
    const ms = await took;
    if (i > 0) opened.push(ms);
  }
  record("conversation painted after the click", "ms", opened);
});

test("a long list", async ({ person, server }) => {
  const ada = await person("Ada Lovelace", { path: "/mail/settings/about" });
  await watch(ada.context);
  await fill(portOf(server.doors.imap), ada.account, messages);
  await ada.open("/mail/inbox");
  const { page } = ada;
  await expect(page.locator('[role="row"] time').first()).toBeVisible();
  const before = await heap(page);
  const box = (await page.locator("#list").boundingBox())!;
  const at = { x: Math.round(box.x + box.width / 2), y: Math.round(box.y + box.height / 2) };
  const session = await cdp(page);

  const p95s: number[] = [];
  const dropped: number[] = [];
  for (let i = 0; i < Math.min(rounds, 5); i++) {
    const frames = page.evaluate(() => {
      return new Promise<number[]>((done) => {
        const times: number[] = [];
        let last = 0;
        const frame = (t: number) => {
          if (last) times.push(t - last);
          last = t;
          if (times.length < 300) requestAnimationFrame(frame);
          else done(times);
        };
        requestAnimationFrame(frame);
      });
    });
    // As a finger on a touchpad does it, 4,000 pixels a second: some fifty rows.
    await session.send("Input.synthesizeScrollGesture", { ...at, yDistance: -16_000, speed: 4000, gestureSourceType: "mouse" });
    const times = await frames;
    p95s.push(percentile(times, 95));
    dropped.push((times.reduce((n, t) => n + Math.max(0, Math.round(t / (1000 / 60)) - 1), 0) * 1000) / times.length);
  }
  record(`scrolling ${messages.toLocaleString("en")} messages, frame, p95`, "ms", p95s);
  record(`scrolling ${messages.toLocaleString("en")} messages, dropped of 1000`, "frames", dropped);

  // To the end, in steps that leave nothing out of what has to be loaded on the way.
  const jumps: number[] = [];
  for (let i = 1; i <= 100; i++) {
    jumps.push(
      await page.evaluate(async (part) => {
        const row = document.querySelector('[role="row"]')!;
        let scroller = row.parentElement!;
        while (scroller.scrollHeight <= scroller.clientHeight + 1) scroller = scroller.parentElement!;
        const began = performance.timeOrigin + performance.now();
        scroller.scrollTop = (scroller.scrollHeight - scroller.clientHeight) * part;
        await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
        return (await window.painted('[role="row"] time')) - began;
      }, i / 100),
    );
  }
  record("jump in the list, painted", "ms", jumps);
  record(`heap after scrolling through ${messages.toLocaleString("en")}`, "MiB", [(await heap(page)) / mebibyte]);
  record("heap before", "MiB", [before / mebibyte]);
});

test("from one to the other", async ({ person, server }) => {
  const ada = await person("Ada Lovelace", { preferences: { undoSeconds: 0 } });
  const bob = await person("Bob Castellano");
  await watch(ada.context);
  await watch(bob.context);
  await ada.deliver({ from: `${bob.account.name} <${bob.account.address}>`, to: `${ada.account.address}, ${bob.account.address}`, subject: "Lunch", text: "The new place?", messageId: "lunch@example.net" });
  await server.deliver(bob.account, { from: `${ada.account.name} <${ada.account.address}>`, to: `${bob.account.address}`, subject: "Re: Lunch", text: "Yes", inReplyTo: "lunch@example.net" });
  for (const p of [ada, bob]) {
    await p.open(`/mail/inbox/${(await p.jmap.email("Lunch")).threadId}`);
    await expect(p.page.locator("article[data-message]").last()).toBeVisible();
  }
  const line = ada.page.locator("section textarea, section [contenteditable=true]").last();
  const seen: number[] = [];
  for (let i = 0; i <= rounds; i++) {
    const text = `Half past ${i}, by the river`;
    await line.fill(text);
    const there = bob.page.evaluate((t) => window.painted("article[data-message] p, article[data-message] pre, article[data-message] [data-text]", t), text);
    const sent = ada.page.evaluate(
      () => new Promise<number>((done) => document.addEventListener("keydown", (e) => done(performance.timeOrigin + e.timeStamp), { once: true, capture: true })),
    );
    await line.press("Enter");
    const ms = (await there) - (await sent);
    if (i > 0) seen.push(ms);
    await expect(ada.page.getByText(text).first()).toBeVisible();
  }
  record("sent by one, seen by the other", "ms", seen);
});
