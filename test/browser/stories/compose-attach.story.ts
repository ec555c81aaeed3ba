import { expect, test } from "../harness/index.ts";

const png = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAYAAACNMs+9AAAAFUlEQVR42mNk+M9Qz0AEYBxVSF+FAAhKDveksOjmAAAAAElFTkSuQmCC",
  "base64",
);

test("files are attached, dropped, cancelled; pictures stand in the text", async ({ person, server }) => {
  test.slow(); // a slow wire, to see how far an upload is
  const wire = await server.wire(40);
  const [ada, bob] = await Promise.all([
    person("Ada Lovelace", { wire, preferences: { undoSeconds: 0 } }),
    person("Bob"),
  ]);
  const { page } = ada;
  await page.getByRole("button", { name: "Compose" }).first().click();
  const window = page.getByRole("dialog", { name: /New message|Files/ });
  await window.getByLabel("To", { exact: true }).fill(`${bob.account.address}, `);
  await window.getByLabel("Subject").fill("Files");
  const picker = window.locator('input[type="file"]:not([accept])');
  await picker.setInputFiles([
    { name: "plan.txt", mimeType: "text/plain", buffer: Buffer.from("the plan") },
    { name: "big.bin", mimeType: "application/octet-stream", buffer: Buffer.alloc(6_000_000, 7) },
  ]);
  await expect(window.getByRole("progressbar", { name: "Uploading big.bin" })).toBeVisible();
  await window.getByRole("button", { name: /(Cancel the upload of|Remove) big.bin/ }).click();
  await expect(window.getByText("big.bin")).toBeHidden();

  await page.getByRole("textbox", { name: "Message", exact: true }).click();
  await page.keyboard.type("Look: ");
  await window
    .locator('input[type="file"][accept]')
    .setInputFiles([{ name: "dot.png", mimeType: "image/png", buffer: png }]);
  await expect(page.getByRole("img", { name: "dot.png" })).toBeVisible();
  await page.keyboard.press("Control+Enter");
  await expect(page.getByText("Message sent")).toBeVisible();
  await expect.poll(async () => (await bob.jmap.emails("inbox")).length).toBe(1);
  const [got] = await bob.jmap.emails("inbox", ["attachments", "hasAttachment"]);
  expect(got.attachments.map((a: { name: string; disposition: string }) => [a.name, a.disposition]).sort()).toEqual([
    ["dot.png", "inline"],
    ["plan.txt", "attachment"],
  ]);
});

test("what is too large is told before it is sent anywhere", async ({ person }) => {
  const ada = await person("Ada Lovelace");
  const { page } = ada;
  await page.getByRole("button", { name: "Compose" }).first().click();
  const window = page.getByRole("dialog", { name: "New message" });
  await page.evaluate(() => {
    const data = new DataTransfer();
    data.items.add(new File([new Uint8Array(60_000_000)], "film.mp4", { type: "video/mp4" }));
    const target = document.querySelector('section[role="dialog"]')!;
    target.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
  });
  await expect(window.getByText("film.mp4 is too large")).toBeVisible();
});
