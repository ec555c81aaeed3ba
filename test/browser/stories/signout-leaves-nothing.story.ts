import type { Page } from "@playwright/test";
import { expect, test } from "../harness/index.ts";

/** All that the browser keeps of this page, as text. */
const kept = (page: Page) =>
  page.evaluate(async () => {
    const all: string[] = [JSON.stringify(localStorage), JSON.stringify(sessionStorage)];
    for (const name of await caches.keys()) {
      const cache = await caches.open(name);
      for (const request of await cache.keys()) {
        all.push(request.url);
        if (!/assets|icons/.test(request.url)) all.push((await (await cache.match(request))?.text()) ?? "");
      }
    }
    for (const { name } of await indexedDB.databases()) {
      const db = await new Promise<IDBDatabase>((done, failed) => {
        const opened = indexedDB.open(name!);
        opened.onsuccess = () => done(opened.result);
        opened.onerror = () => failed(opened.error);
      });
      for (const store of db.objectStoreNames)
        all.push(
          await new Promise<string>((done) => {
            const got = db.transaction(store).objectStore(store).getAll();
            got.onsuccess = () => done(JSON.stringify(got.result));
          }),
        );
      db.close();
    }
    return all.join("\n");
  });

async function use(page: Page, threadId: string) {
  await page.goto(`/mail/inbox/${threadId}`);
  await page
    .getByRole("button", { name: /Always/ })
    .first()
    .click(); // show pictures of this sender
  const search = page.getByRole("combobox").first();
  await search.fill("secretword");
  await search.press("Enter");
  await expect.poll(() => kept(page)).toContain("secretword");
  await page.goto("/mail/inbox");
  await page.getByRole("button", { name: "Compose" }).first().click();
  await page.getByRole("dialog", { name: "New message" }).getByLabel("Subject").fill("secretdraft");
  await expect(page.getByText("Saved in Drafts")).toBeVisible();
}

const letter = {
  from: "Secret Friend <secretfriend@example.net>",
  subject: "secretsubject",
  html: "<p>secretbody</p><img src='https://example.net/a.png' width=90 height=90>",
};

test("signing out leaves nothing of the mail in the browser", async ({ person }) => {
  const ada = await person("Ada Lovelace");
  ada.expected.push(/status of|frame\.html|ERR_/);
  await ada.deliver(letter);
  await use(ada.page, (await ada.jmap.email("secretsubject")).threadId);
  await ada.page
    .locator("header")
    .getByRole("button", { name: /Ada|account/i })
    .first()
    .click();
  await ada.page.getByRole("menuitem", { name: "Sign out" }).click();
  await expect(ada.page.locator('input[name="password"]')).toBeVisible();
  expect((await kept(ada.page)).match(/secret\w+/g)).toBeNull();
});

test("who signs in after somebody else, whose session has ended, sees nothing of theirs", async ({ person }) => {
  const [ada, bob] = await Promise.all([person("Ada Lovelace"), person("Bob")]);
  ada.expected.push(/status of|frame\.html|ERR_/);
  await ada.deliver(letter);
  await use(ada.page, (await ada.jmap.email("secretsubject")).threadId);
  await ada.context.clearCookies();
  await ada.page.goto("/");
  await ada.page.locator('input[name="username"]').fill(bob.account.address);
  await ada.page.locator('input[name="password"]').fill(bob.account.password);
  await ada.page.locator('button[type="submit"]').click();
  await expect(ada.page.getByRole("banner")).toBeVisible();
  await expect(ada.page.getByText("secretdraft")).toHaveCount(0);
  const left = await ada.page.evaluate(() => JSON.stringify(localStorage));
  expect(left.match(/secret\w+/g)).toBeNull();
});
