import { expect, test } from "../harness/index.ts";

test("a message is written, sent and taken back", async ({ person }) => {
  const ada = await person("Ada Lovelace");
  const { page } = ada;
  await page.getByRole("button", { name: "Compose" }).first().click();
  const composer = page.getByRole("dialog", { name: "New message" });
  await composer.getByLabel("To", { exact: true }).fill("Bob <bob@example.net>, nobody, ");
  await composer.getByLabel("Subject").fill("Lunch");
  await page.screenshot({ path: "/tmp/w4-1.png" });
  await page.getByRole("textbox", { name: "Message" }).click();
  await page.keyboard.type("Hello Bob");
  await page.screenshot({ path: "/tmp/w4-2.png" });
  await expect(page.getByText("Saved in Drafts")).toBeVisible();
});
