import { expect, test } from "../harness/index.ts";

test("what is sent without a connection waits, survives a reload, and goes once", async ({ person, server }) => {
  const wire = await server.wire();
  const [ada, bob] = await Promise.all([person("Ada Lovelace", { wire }), person("Bob Moran")]);
  ada.expected.push(/frame\.html/);
  await ada.deliver({ from: `Bob Moran <${bob.account.address}>`, subject: "Tea?", text: "At four?" });
  const { threadId } = await ada.jmap.email("Tea?");
  await ada.page.goto(`/mail/inbox/${threadId}`);
  const line = ada.page.getByRole("textbox", { name: "Write a quick reply…" });
  await line.click();
  wire.cut();
  await line.fill("On my way");
  await line.press("Enter");
  const pending = ada.page.getByRole("log", { name: "On the way" });
  await expect(pending.getByText("On my way")).toBeVisible();
  await ada.page.close();

  wire.heal();
  await ada.tab();
  await expect
    .poll(async () => (await bob.jmap.emails("inbox")).map((e) => e.preview), { timeout: 20_000 })
    .toEqual(["On my way"]);
  expect(await ada.jmap.emails("sent")).toHaveLength(1);
  expect(await ada.jmap.emails("drafts")).toEqual([]);
});

test("people written to are completed", async ({ person }) => {
  const [ada, bob] = await Promise.all([
    person("Ada Lovelace", { preferences: { undoSeconds: 0 } }),
    person("Bob Moran"),
  ]);
  const { page } = ada;
  const compose = async () => {
    await page.getByRole("button", { name: "Compose" }).first().click();
    return page.getByRole("dialog", { name: /New message|Hello/ });
  };
  let window = await compose();
  await window.getByLabel("To", { exact: true }).fill(`Bob Moran <${bob.account.address}>, `);
  await window.getByLabel("Subject").fill("Hello");
  await page.keyboard.press("Control+Enter");
  await expect(page.getByText("Message sent")).toBeVisible();
  await expect(window).toBeHidden();

  window = await compose();
  await page.keyboard.type("mor");
  await expect(page.getByRole("option", { name: "Bob Moran" })).toBeVisible();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await expect(window.getByRole("button", { name: "Remove Bob Moran" })).toBeVisible();
  await page.keyboard.press("Backspace");
  await expect(window.getByRole("button", { name: "Bob Moran", exact: true })).toBeFocused();
  await page.keyboard.press("Backspace");
  await expect(window.getByRole("button", { name: "Remove Bob Moran" })).toBeHidden();
});

test("a link that writes a mail opens the composer", async ({ person }) => {
  const ada = await person("Ada Lovelace", {
    path: "/mail/inbox?compose=mailto%3Abob%40example.net%3Fsubject%3DHi%26body%3DOne%250ATwo",
  });
  const window = ada.page.getByRole("dialog", { name: "Hi" });
  await expect(window.getByRole("button", { name: "Remove bob@example.net" })).toBeVisible();
  await expect(window.getByRole("textbox", { name: "Message", exact: true })).toContainText("OneTwo");
  await ada.page.keyboard.press("Escape");
  await expect(window).toBeHidden();
  await expect.poll(async () => (await ada.jmap.emails("drafts")).map((e) => e.subject)).toEqual(["Hi"]);
});
