import type { Page } from "@playwright/test";
import { expect, test } from "../harness/index.ts";

async function begin(page: Page, subject: string, text: string) {
  await page.getByRole("button", { name: "Compose" }).first().click();
  await page.getByRole("dialog", { name: "New message" }).getByLabel("Subject").fill(subject);
  await page.getByRole("textbox", { name: "Message", exact: true }).click();
  await page.keyboard.type(text);
}

const journal = (page: Page) =>
  page.evaluate(
    () =>
      new Promise<string>((done) => {
        const opened = indexedDB.open("mailmesh-compose");
        opened.onsuccess = () => {
          const all = opened.result.transaction("drafts").objectStore("drafts").getAll();
          all.onsuccess = () => {
            opened.result.close();
            done(JSON.stringify(all.result));
          };
        };
      }),
  );

test("what is being written survives a crash while there is no connection", async ({ person, server }) => {
  const wire = await server.wire();
  const ada = await person("Ada Lovelace", { wire });
  await begin(ada.page, "Novel", "It was a dark");
  await expect(ada.page.getByText("Saved in Drafts")).toBeVisible();
  wire.cut();
  await ada.page.getByRole("textbox", { name: "Message", exact: true }).click();
  await ada.page.keyboard.press("End");
  await ada.page.keyboard.type(" and stormy night");
  await expect.poll(() => journal(ada.page)).toContain("and stormy night");
  await ada.page.close({ runBeforeUnload: false });

  wire.heal();
  const again = await ada.tab();
  const window = again.getByRole("dialog", { name: "Novel" });
  await expect(window.getByText("We kept what you wrote.")).toBeVisible();
  await expect(window.getByRole("textbox", { name: "Message", exact: true })).toHaveText(
    "It was a dark and stormy night",
  );
  await expect
    .poll(async () => (await ada.jmap.emails("drafts")).map((e) => e.preview))
    .toEqual(["It was a dark and stormy night"]);
});

test("two tabs do not write one draft; the second takes over", async ({ person }) => {
  const ada = await person("Ada Lovelace");
  await begin(ada.page, "Shared", "From the first tab");
  await expect(ada.page.getByText("Saved in Drafts")).toBeVisible();
  const [draft] = await ada.jmap.emails("drafts");

  ada.expected.push(/frame\.html/); // what the harness would run in the frame of a message
  const second = await ada.tab(`/mail/drafts/${draft.threadId}`);
  await second.getByRole("button", { name: "Go on writing" }).first().click();
  await expect(second.getByText("This draft is open in another tab.")).toBeVisible();
  await second.getByRole("button", { name: "Take over" }).click();
  await expect(second.getByRole("textbox", { name: "Message", exact: true })).toHaveText("From the first tab");
  await expect(ada.page.getByText("taken over by another tab")).toBeVisible();
  await expect(ada.page.getByRole("dialog", { name: "Shared" })).toBeHidden();
});

test("a draft that changed elsewhere: both are kept until one says which", async ({ person }) => {
  const ada = await person("Ada Lovelace");
  await begin(ada.page, "Plan", "mine");
  await expect(ada.page.getByText("Saved in Drafts")).toBeVisible();
  const [mine] = await ada.jmap.emails("drafts", ["id", "messageId", "mailboxIds"]);
  await ada.jmap.call("Email/set", {
    create: {
      d: {
        mailboxIds: mine.mailboxIds,
        keywords: { $draft: true },
        messageId: mine.messageId,
        subject: "Plan",
        bodyValues: { t: { value: "theirs" } },
        textBody: [{ partId: "t", type: "text/plain" }],
      },
    },
    destroy: [mine.id],
  });
  await expect(ada.page.getByText("This draft was changed elsewhere")).toBeVisible();
  await ada.page.getByRole("button", { name: "Take the other" }).click();
  await expect(ada.page.locator("textarea")).toHaveValue("theirs");
  expect((await ada.jmap.emails("drafts")).map((e) => e.preview)).toEqual(["theirs"]);
});
