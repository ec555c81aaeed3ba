// What was written goes once, to whom it was written, from who wrote it.
import type { Page } from "@playwright/test";
import { expect, test } from "../harness/index.ts";

async function write(page: Page, to: string, subject: string) {
  await page.getByRole("button", { name: "Compose" }).first().click();
  const window = page.getByRole("dialog", { name: "New message" });
  await window.getByLabel("To", { exact: true }).fill(`${to}, `);
  await window.getByLabel("Subject").fill(subject);
  await page.getByRole("textbox", { name: "Message", exact: true }).click();
  await page.keyboard.type("Once");
}

test("a tab that is closed while a message can be taken back leaves no draft of it", async ({ person }) => {
  const [ada, bob] = await Promise.all([person("Ada Lovelace", { preferences: { undoSeconds: 5 } }), person("Bob")]);
  await write(ada.page, bob.account.address, "Gone");
  await ada.page.keyboard.press("Control+Enter");
  await expect(ada.page.getByText("Message sent")).toBeVisible();
  await ada.page.close({ runBeforeUnload: false });
  for (let i = 0; i < 2; i++) {
    const again = await ada.tab();
    await expect(again.getByRole("button", { name: "Compose" }).first()).toBeVisible();
    await expect.poll(() => left(again)).toBe(0);
    await expect(again.getByRole("dialog", { name: "Gone" })).toHaveCount(0);
    await again.close();
  }
  await expect.poll(async () => (await bob.jmap.emails("inbox")).length, { timeout: 30_000 }).toBe(1);
  expect(await ada.jmap.emails("drafts")).toEqual([]);
});

test("a tab that is killed at any moment of sending sends once", async ({ person }) => {
  test.setTimeout(90_000);
  const [ada, bob] = await Promise.all([person("Ada Lovelace", { preferences: { undoSeconds: 0 } }), person("Bob")]);
  let { page } = ada;
  const subjects: string[] = [];
  for (const wait of [0, 5, 15, 30, 60, 120]) {
    subjects.push(`Killed after ${wait}`);
    await write(page, bob.account.address, subjects.at(-1)!);
    await expect(page.getByText("Saved in Drafts")).toBeVisible();
    await page.keyboard.press("Control+Enter");
    await new Promise((done) => setTimeout(done, wait)); // the moment is what this is about
    await page.close({ runBeforeUnload: false });
    page = await ada.tab();
    await expect(page.getByRole("button", { name: "Compose" }).first()).toBeVisible();
    // Killed before the journal had it, it is a draft still, and is sent again by hand.
    const open = page.getByRole("dialog", { name: subjects.at(-1)! });
    await expect.poll(async () => (await open.count()) > 0 || (await left(page)) === 0, { timeout: 20_000 }).toBe(true);
    if ((await open.count()) > 0) {
      await open.getByRole("textbox", { name: "Message", exact: true }).click();
      await page.keyboard.press("Control+Enter");
      await expect(open).toHaveCount(0);
      await expect.poll(() => left(page)).toBe(0);
    }
  }
  await expect.poll(async () => (await bob.jmap.emails("inbox")).length, { timeout: 30_000 }).toBe(subjects.length);
  expect((await bob.jmap.emails("inbox")).map((e) => e.subject).sort()).toEqual(subjects.sort());
});

test("where another tab signs in as somebody else, nothing of the first one reaches them", async ({ person }) => {
  const [ada, bob] = await Promise.all([person("Ada Lovelace"), person("Bob")]);
  ada.expected.push(/status of|WebSocket/);
  await write(ada.page, "cleo@example.net", "Ada's own");
  await expect(ada.page.getByText("Saved in Drafts")).toBeVisible();
  const other = await ada.tab();
  await other
    .getByRole("banner")
    .getByRole("button", { name: /Ada|account/i })
    .first()
    .click();
  await other.getByRole("menuitem", { name: "Sign out" }).click();
  await other.locator('input[name="username"]').fill(bob.account.address);
  await other.locator('input[name="password"]').fill(bob.account.password);
  await other.locator('button[type="submit"]').click();
  await expect(other.getByRole("banner")).toBeVisible();
  await ada.page.bringToFront();
  await expect(ada.page.locator('input[name="password"]')).toBeVisible();
  await expect(ada.page.locator('input[name="username"]')).toHaveValue(ada.account.address);
  expect(await bob.jmap.emails("drafts")).toEqual([]);
  expect((await ada.jmap.emails("drafts")).map((e) => e.subject)).toEqual(["Ada's own"]);
});

/** How many drafts and messages on their way the journal holds. */
const left = (page: Page) =>
  page.evaluate(
    () =>
      new Promise<number>((done) => {
        const opened = indexedDB.open("mailmesh-compose");
        opened.onsuccess = async () => {
          let n = 0;
          for (const store of ["drafts", "outbox"]) {
            const got = opened.result.transaction(store).objectStore(store).getAll();
            n += await new Promise<number>((counted) => {
              got.onsuccess = () => counted(got.result.filter((e) => store === "drafts" || e.state !== "sent").length);
            });
          }
          opened.result.close();
          done(n);
        };
      }),
  );
