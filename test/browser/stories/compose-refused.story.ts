import { expect, test } from "../harness/index.ts";

test("what the server refuses comes back with the reason, and nothing is lost", async ({ person }) => {
  const ada = await person("Ada Lovelace", { preferences: { undoSeconds: 0 } });
  const { page } = ada;
  await page.getByRole("button", { name: "Compose" }).first().click();
  const window = page.getByRole("dialog", { name: /New message|Plans/ });
  await window.getByLabel("To", { exact: true }).fill("nobody-of-that-name@example.org, ");
  await window.getByLabel("Subject").fill("Plans");
  await page.getByRole("textbox", { name: "Message", exact: true }).click();
  await page.keyboard.type("All of it");
  await page.keyboard.press("Control+Enter");
  await expect(window.getByText("Not sent.")).toBeVisible();
  await expect(window.getByText("nobody-of-that-name@example.org", { exact: false }).first()).toBeVisible();
  await expect(page.getByRole("textbox", { name: "Message", exact: true })).toHaveText("All of it");
  await expect.poll(async () => (await ada.jmap.emails("drafts")).map((e) => e.preview)).toEqual(["All of it"]);
});

test("ten thousand recipients stay usable, and the limit is told before anything is sent", async ({ person }) => {
  const ada = await person("Ada Lovelace", { theme: "dark" });
  const { page } = ada;
  await page.getByRole("button", { name: "Compose" }).first().click();
  const window = page.getByRole("dialog", { name: /New message|All/ });
  const to = window.getByLabel("To", { exact: true });
  await to.focus();
  await page.evaluate(() => {
    const text = Array.from({ length: 10_000 }, (_, i) => `Person ${i} <p${i}@example.net>`).join("\n");
    const data = new DataTransfer();
    data.setData("text/plain", `${text}\nnobody`);
    document.activeElement!.dispatchEvent(
      new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }),
    );
  });
  await expect(window.getByRole("button", { name: /^9,9\d\d more$/ })).toBeVisible();
  await expect(window.getByRole("button", { name: /^nobody / })).toBeVisible();
  await window.getByRole("button", { name: "Remove nobody" }).click();
  await window.getByLabel("Subject").fill("All");
  await window.getByRole("button", { name: "Send", exact: true }).click();
  await expect(page.getByText("this server takes 500 at a time")).toBeVisible();
});

test("a full mailbox: the text stays here, and the server gets it when there is room", async ({ person }) => {
  const ada = await person("Ada Lovelace", { quotaBytes: 20_000 });
  const { page } = ada;
  await page.getByRole("button", { name: "Compose" }).first().click();
  const window = page.getByRole("dialog", { name: /New message|Long/ });
  await window.getByLabel("Subject").fill("Long");
  await page.getByRole("textbox", { name: "Message", exact: true }).fill("word ".repeat(8000));
  await expect(window.getByText("Your mailbox is full.")).toBeVisible();
  await page.getByRole("textbox", { name: "Message", exact: true }).fill("short");
  await expect(window.getByText("Saved in Drafts")).toBeVisible();
});
