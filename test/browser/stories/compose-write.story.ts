import { expect, type Person, test } from "../harness/index.ts";

async function compose(ada: Person, to: string, subject: string, text: string) {
  await ada.page.getByRole("button", { name: "Compose" }).first().click();
  const window = ada.page.getByRole("dialog", { name: "New message" });
  await window.getByLabel("To", { exact: true }).fill(`${to}, `);
  await window.getByLabel("Subject").fill(subject);
  await ada.page.getByRole("textbox", { name: "Message", exact: true }).click();
  await ada.page.keyboard.type(text);
}

test("a message is written with formats, saved as one types, and sent", async ({ person }) => {
  const [ada, bob] = await Promise.all([person("Ada Lovelace", { preferences: { undoSeconds: 0 } }), person("Bob")]);
  await compose(ada, `Bob <${bob.account.address}>, nobody`, "Lunch", "Hello ");
  const { page } = ada;
  await page.keyboard.press("Control+b");
  await page.keyboard.type("Bob");
  await expect(page.getByText("Saved in Drafts")).toBeVisible();
  expect(await ada.jmap.emails("drafts")).toHaveLength(1);

  await page.keyboard.press("Control+Enter");
  await expect(page.getByText("has no address that mail can be sent to")).toBeVisible();
  await page.getByRole("button", { name: "Remove nobody" }).click();
  await page.getByRole("textbox", { name: "Message", exact: true }).click();
  await page.keyboard.press("Control+Enter");
  await expect(page.getByText("Message sent")).toBeVisible();

  await expect.poll(async () => (await bob.jmap.emails("inbox")).map((e) => e.subject)).toEqual(["Lunch"]);
  const [got] = await bob.jmap.emails("inbox", ["htmlBody", "bodyValues", "preview"]);
  expect(got.preview).toBe("Hello Bob");
  expect(await ada.jmap.emails("drafts")).toEqual([]);
  expect((await ada.jmap.emails("sent")).map((e) => e.keywords.$draft)).toEqual([undefined]);
});

test("a message is taken back before it goes", async ({ person }) => {
  const [ada, bob] = await Promise.all([person("Ada Lovelace", { preferences: { undoSeconds: 30 } }), person("Bob")]);
  await compose(ada, bob.account.address, "Too early", "I am not");
  const { page } = ada;
  await page.getByRole("button", { name: "Send", exact: true }).click();
  await page.getByRole("button", { name: "Undo" }).click();
  const window = page.getByRole("dialog", { name: "Too early" });
  await expect(window.getByText("The message was not sent.")).toBeVisible();
  await expect(window.getByRole("textbox", { name: "Message", exact: true })).toHaveText("I am not");
  expect(await ada.jmap.emails("sent")).toEqual([]);
  expect(await bob.jmap.emails("inbox")).toEqual([]);

  await window.getByRole("textbox", { name: "Message", exact: true }).click();
  await page.keyboard.press("End");
  await page.keyboard.type(" ready");
  await expect.poll(async () => (await ada.jmap.emails("drafts")).map((e) => e.preview)).toEqual(["I am not ready"]);
});

test("a message is sent later, and what waits can be taken back", async ({ person }) => {
  const [ada, bob] = await Promise.all([person("Ada Lovelace"), person("Bob")]);
  await compose(ada, bob.account.address, "For tomorrow", "Good morning");
  const { page } = ada;
  await page.keyboard.press("Control+Shift+Enter");
  const dialog = page.getByRole("dialog", { name: "Send later" });
  await expect(dialog).toBeVisible();
  await dialog.getByRole("button", { name: "Tomorrow morning" }).click();
  await expect(page.getByText("Will be sent")).toBeVisible();
  await expect.poll(async () => (await ada.jmap.emails("scheduled")).map((e) => e.subject)).toEqual(["For tomorrow"]);

  await page.getByRole("button", { name: "Undo" }).click();
  await expect(page.getByRole("dialog", { name: "For tomorrow" })).toBeVisible();
  expect(await ada.jmap.emails("scheduled")).toEqual([]);
  expect((await ada.jmap.emails("drafts")).map((e) => e.subject)).toEqual(["For tomorrow"]);
  expect(await bob.jmap.emails("inbox")).toEqual([]);
});

test("one is asked about a subject, and about what was not attached", async ({ person }) => {
  const ada = await person("Ada Lovelace", { preferences: { undoSeconds: 0 } });
  await compose(ada, "bob@example.net", "", "See the attached plan");
  const { page } = ada;
  await page.keyboard.press("Control+Enter");
  await expect(page.getByText("Is an attachment missing?")).toBeVisible();
  await page.getByRole("button", { name: "Send anyway" }).click();
  await expect(page.getByText("Send without a subject?")).toBeVisible();
  await page.getByRole("button", { name: "Keep writing" }).click();
  await expect(page.getByRole("dialog", { name: "New message" })).toBeVisible();
});

test("what waits for its time can go at once", async ({ person }) => {
  const [ada, bob] = await Promise.all([person("Ada Lovelace"), person("Bob")]);
  ada.expected.push(/frame\.html/);
  const { page } = ada;
  await compose(ada, bob.account.address, "Changed my mind", "Now");
  await page.keyboard.press("Control+Shift+Enter");
  await page.getByRole("dialog", { name: "Send later" }).getByRole("button", { name: "Tomorrow afternoon" }).click();
  await expect.poll(async () => (await ada.jmap.emails("scheduled")).length).toBe(1);
  const [waiting] = await ada.jmap.emails("scheduled");
  await page.goto(`/mail/scheduled/${waiting.threadId}`);
  await expect(page.getByRole("button", { name: "Change time" })).toBeVisible();
  await page.getByRole("button", { name: "Send now" }).click();
  await expect.poll(async () => (await bob.jmap.emails("inbox")).map((e) => e.subject)).toEqual(["Changed my mind"]);
  await expect.poll(async () => (await ada.jmap.emails("sent")).map((e) => e.subject)).toEqual(["Changed my mind"]);
  expect(await ada.jmap.emails("scheduled")).toEqual([]);
});

test("several messages are written beside each other", async ({ person }) => {
  const ada = await person("Ada Lovelace");
  const { page } = ada;
  await compose(ada, "bob@example.net", "One", "first");
  await page.getByRole("button", { name: "Compose" }).first().click();
  const second = page.getByRole("dialog", { name: "New message" });
  await second.getByLabel("Subject").fill("Two");
  await expect(page.getByRole("dialog")).toHaveCount(2);
  await page.getByRole("dialog", { name: "Two" }).getByRole("button", { name: "Full screen" }).click();
  await page.getByRole("dialog", { name: "Two" }).getByRole("button", { name: "Save and close" }).click();
  await page.getByRole("dialog", { name: "One" }).getByRole("button", { name: "One", exact: true }).click();
  await expect(page.getByRole("textbox", { name: "Message", exact: true })).toHaveText("first");
  await expect.poll(async () => (await ada.jmap.emails("drafts")).map((e) => e.subject).sort()).toEqual(["One", "Two"]);
});
